"""What the product remembers of how things were: logs tell the new document at most, an undo needs the old one.

Remembered is what was seen to be fine: by the guardrails that judged the change, or by a census that found nothing about what stands.
"""

from ringfence.domain.identity import Kind
from ringfence.domain.state import State

REMEMBERED = (Kind.ROLE, Kind.USER, Kind.POLICY, Kind.TRAIL, Kind.MODEL_LOGGING, Kind.RESOURCE)


def kept(state: State) -> State | None:
    """Give what is kept of a state: what a later change is compared with and can be put back. None where there is nothing of the kind."""
    identity = state.identity
    if identity.kind not in REMEMBERED:
        return None
    if identity.kind is Kind.POLICY:
        version = state.default_version
        if version is None or state.versions is None or version not in state.versions:
            return None
        return State(identity=identity, default_version=version, versions={version: state.versions[version]})
    if identity.kind is Kind.RESOURCE:
        known = state.bindings is not None or state.settings is not None
        return State(identity=identity, bindings=state.bindings, settings=state.settings) if known else None
    if identity.kind in (Kind.TRAIL, Kind.MODEL_LOGGING):
        return State(identity=identity, settings=state.settings) if state.settings is not None else None
    return State(identity=identity, trust=state.trust, boundary=state.boundary)
