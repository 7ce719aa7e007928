"""What is mutated, and which fast tests have to notice; and the mutants that mean the same, each with its reason."""

ENGINE, ACTIONS, DOMAIN = "engine/", "actions/", "domain/"
TARGETS: dict[str, tuple[str, ...]] = {
    ENGINE + "protect.py": (
        "tests/unit/test_protect.py",
        "tests/unit/test_advice.py",
        "tests/unit/test_census.py",
        "tests/unit/test_held.py",
    ),
    ENGINE + "own_policies.py": ("tests/unit/test_containment.py", "tests/unit/test_held.py"),
    ENGINE + "budget.py": ("tests/unit/test_budget.py", "tests/simulation/test_lost_events.py"),
    ENGINE + "authority.py": ("tests/unit/test_authority.py", "tests/unit/test_decide.py"),
    ENGINE + "questions.py": ("tests/unit/test_questions.py", "tests/unit/test_decide.py"),
    ENGINE + "quiet.py": ("tests/unit/test_quiet.py",),
    ENGINE + "waive.py": ("tests/unit/test_waive.py",),
    ENGINE + "approve.py": (
        "tests/unit/test_decide.py",
        "tests/unit/test_questions.py",
        "tests/unit/test_budget.py",
        "tests/unit/test_switch.py",
        "tests/unit/test_sweep.py",
    ),
    ENGINE + "undo.py": (
        "tests/unit/test_undo.py",
        "tests/unit/test_verify.py",
        "tests/unit/test_respond.py",
        "tests/unit/test_decide.py",
        "tests/unit/test_containment.py",
        "tests/unit/test_held.py",
    ),
    DOMAIN + "tree.py": ("tests/unit/test_tree.py",),
    DOMAIN + "checkpoint.py": ("tests/unit/test_checkpoint.py",),
    ENGINE + "trail/seal.py": ("tests/unit/test_seal.py",),
    ENGINE + "trail/verify.py": ("tests/unit/test_trail_verify.py", "tests/unit/test_seal.py"),
    ACTIONS + "_ladder.py": ("tests/unit/test_actions.py",),
    ACTIONS + "aws_iam_quarantine_role.py": ("tests/unit/test_actions.py",),
    ACTIONS + "aws_iam_quarantine_user.py": ("tests/unit/test_actions.py",),
    ACTIONS + "aws_iam_require_mfa.py": ("tests/unit/test_actions.py",),
    ACTIONS + "aws_iam_detach_managed_policy.py": ("tests/unit/test_actions.py",),
    ACTIONS + "aws_iam_delete_inline_policy.py": ("tests/unit/test_actions.py",),
    ACTIONS + "aws_iam_deactivate_access_key.py": ("tests/unit/test_actions.py",),
}
# (module, what was changed, the source line): why no test can tell the difference.
EQUIVALENT: dict[tuple[str, str, str], str] = {
    (ENGINE + "budget.py", "1 -> 2", "last: tuple[Slot, ...] = yield ReadSlots(budget.name, max(1, budget.limit))"): "one slot more is read, and not counted",
    (ENGINE + "budget.py", "365 -> 366", "EVER = timedelta(days=365)"): "a census is made long before either",
    (ENGINE + "budget.py", "1 -> 2", "last: tuple[Slot, ...] = yield ReadSlots(name, 1)"): "one slot more is read, and not looked at",
    (ENGINE + "budget.py", "1 -> 2", "slots.append(Slot(name, number, 1, now, job.id))"): "the weight of what is only remembered counts nowhere",
    (ENGINE + "trail/seal.py", "500 -> 501", "AT_ONCE = 500  # records of a segment, at most"): "how many go into one segment matters to nobody",
    (ENGINE + "trail/seal.py", "(hint,) if archive.get(hint) else archive.names(CHECKPOINTS) -> archive.names(CHECKPOINTS)", "names = archive.names(CHECKPOINTS, after=hint) or ((hint,) if archive.get(hint) else archive.names(CHECKPOINTS))"): "the hint only says where to begin looking",
    (ENGINE + "trail/seal.py", "0 -> 1", "first: int = 0"): "of a segment that there is not",
    (ENGINE + "trail/verify.py", "len(records) > newest.size -> len(records) >= newest.size", "if len(records) > newest.size and root(records[: newest.size]) == newest.root:"): "of that size it was compared before, and is another",
    (ENGINE + "own_policies.py", "return '' -> return None", 'return ""'): "both are no policy, and no complaint",
    (ENGINE + "undo.py", "2 -> 3", "for number in range(ROUNDS + 2):"): "one job more is looked for that cannot exist",
}  # fmt: skip
