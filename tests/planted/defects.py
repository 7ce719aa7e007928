"""The defects. `old` has to stand in the file exactly once: a defect that no longer fits its file is reported, never skipped."""

from typing import NamedTuple


class Defect(NamedTuple):
    """One change of one file, and the test that notices it."""

    name: str
    file: str  # below shared/ringfence
    old: str
    new: str
    test: str  # below tests/


CORE, VERIFY, UNDO, DECIDE, APPROVE = "engine/core.py", "engine/verify.py", "engine/undo.py", "engine/decide.py", "engine/approve.py"
BUDGET, PROTECT, SWEEP, JOB = "engine/budget.py", "engine/protect.py", "engine/sweep.py", "domain/job.py"
RESPOND_T, VERIFY_T, UNDO_T = "unit/test_respond.py::", "unit/test_verify.py::", "unit/test_undo.py::"
CONTAIN_T, HELD_T, SEARCH_T = "unit/test_containment.py::", "unit/test_held.py::", "unit/test_search.py::"
AUTHORITY, QUESTIONS, WAIVE = "engine/authority.py", "engine/questions.py", "engine/waive.py"
POLICIES, GOOGLE_T = "clouds/gcp/policies.py", "contract/test_google_iam.py::"
AUTHORITY_T, QUESTIONS_T, WAIVE_T = "unit/test_authority.py::", "unit/test_questions.py::", "unit/test_waive.py::"
DECIDE_T, BUDGET_T, PROTECT_T, SWEEP_T = "unit/test_decide.py::", "unit/test_budget.py::", "unit/test_protect.py::", "unit/test_sweep.py::"

DEFECTS = (
    # write-ahead, fence, idempotency
    Defect("drops the intent", CORE, "self._run(job, said, exemptions=", "self._run(job, exemptions=", RESPOND_T + "test_a_reversal_ends_done_with_intent_outcome_and_one_end"),
    Defect("sends before it commits", DECIDE, "        opened = yield from open_job(", "        yield Send(bounded.job)\n        opened = yield from open_job(", BUDGET_T + "test_where_somebody_takes_the_slot_meanwhile_it_is_counted_again"),
    Defect("deduplicates without the version", "clouds/aws/queue.py", 'f"{job.id}.{job.version}"', 'f"{job.id}"', "contract/test_queue.py::test_a_job_goes_to_the_group_of_its_target_once_per_version"),
    Defect("skips the fence before the call", CORE, "if job.version != ready.fence:\n                break  # somebody", "if False:\n                break  # somebody", "unit/test_fence.py::test_who_has_lost_the_job_before_the_call_does_not_make_it"),
    Defect("skips the fence after the call", CORE, "if job.version != ready.fence:\n                break  # it was", "if False:\n                break  # it was", "unit/test_fence.py::test_who_has_lost_the_job_during_the_call_closes_nothing"),
    Defect("a delivery more makes a job more", DECIDE, "    cause = (*what,", "    cause = (str(now.timestamp()), *what,", "unit/test_guardrails.py::test_a_duplicate_has_the_effect_of_one"),
    Defect("forgets the terminal record", "engine/moves.py", "commit(ended, *records, closed(ended, now, reason), notice", "commit(ended, *records, notice", CONTAIN_T + "test_a_job_given_up_in_the_middle_of_a_step_says_that_it_may_have_happened_and_an_undo_counts_it"),
    Defect("swallows a NoSuchEntity that no intent of ours explains", CORE, "or job.step == len(job.plan.steps) or (yield from open_intent(job)) is None:", "or job.step == len(job.plan.steps):", RESPOND_T + "test_settling_needs_an_open_intent"),
    Defect("waits for a reading that contradicts IAM, and blocks the queue", CORE, "if reply.code in GONE and step.after is None:", "if False:", VERIFY_T + "test_what_iam_says_is_gone_and_still_shows_is_looked_at_and_neither_blocks_the_queue_nor_counts_as_done"),
    Defect("makes a call that no action declares", CORE, "if not declared(call):", "if False:", RESPOND_T + "test_an_undeclared_call_is_refused_before_it_is_made"),
    # preconditions
    Defect("ignores the precondition of a reversal", CORE, "(step.action_class is ActionClass.REVERSAL or job.undo_of):", "job.undo_of:", RESPOND_T + "test_a_reversal_of_something_else_by_now_is_stale"),
    Defect("lets drift stall containment", CORE, "if state.value(step.fact) != step.before and (step.action_class is ActionClass.REVERSAL or job.undo_of):", "if state.value(step.fact) != step.before:", RESPOND_T + "test_containment_goes_on_in_spite_of_drift"),
    Defect("acts on a namesake", CORE, "if target.unique_id and state.identity.unique_id != target.unique_id:", "if False:", RESPOND_T + "test_another_or_a_protected_target_is_never_touched"),
    # protection
    Defect("protects by name only", PROTECT, "    if census is None or unique_id is None:", "    if True:", PROTECT_T + "test_after_a_census_only_who_was_recorded_is_protected"),
    Defect("protects by the identity's own tag", "engine/planning.py", "if why := any_protected((place.target", 'if why := (case.state and case.state.tags.get("break-glass")) or any_protected((place.target', "unit/test_evaluate.py::test_a_tag_of_its_own_protects_nobody"),
    Defect("forgets whom the census recorded", PROTECT, "census.protected.get(unique_id, ())", "()", PROTECT_T + "test_a_recorded_identity_stays_protected_under_any_name"),
    Defect("lets a badge in with the next census", "engine/census.py", "tuple(p for p in matched if p not in recorded)", "matched", "unit/test_census.py::test_who_matches_at_first_is_protected_and_who_comes_to_match_is_a_finding"),
    Defect("does not look at the members of a group", CORE, "(state.identity, *(state.members or ()), *_bound(job))", "(state.identity, *_bound(job))", PROTECT_T + "test_a_group_with_a_protected_member_is_out_of_reach"),
    # blast radius
    Defect("counts without claiming", DECIDE, "notice=told, claims=claims)", "notice=told, claims=())", BUDGET_T + "test_at_most_so_many_identities_an_hour_then_everything_asks"),
    Defect("drops silently when the breaker is open", DECIDE, "        job = _pending(job, settings)\n", "        job = msgspec.structs.replace(job, state=JobState.NOTHING_TO_DO, due=None)\n", BUDGET_T + "test_at_most_so_many_identities_an_hour_then_everything_asks"),
    Defect("counts an act, not whom it affects", BUDGET, "weight, account = max(1, len(job.plan.affects)),", "weight, account = 1,", BUDGET_T + "test_everybody_affected_counts"),
    Defect("lets the last administrator go", BUDGET, "len(admins) - 1", "len(admins)", BUDGET_T + "test_one_administrator_is_always_left"),
    Defect("lets an approver lock everybody out", APPROVE, "    if isinstance(claimed, Exhausted):\n        raise", "    if False:\n        raise", BUDGET_T + "test_one_administrator_is_always_left"),
    Defect("believes an old census", BUDGET, "now - census.taken >= FRESH", "False", BUDGET_T + "test_without_a_fresh_census_what_people_can_use_asks"),
    Defect("believes a guardrail whatever it finds", BUDGET, "    if found <= limit:\n", "    if True:\n", BUDGET_T + "test_a_guardrail_that_finds_something_about_too_many_is_not_believed"),
    # kill switch
    Defect("takes an unreadable switch for go", "engine/commands.py", "            return desk.store.switch()\n", "            try:\n                return desk.store.switch()\n            except Exception:\n                return None\n", "unit/test_switch.py::test_what_cannot_be_read_counts_as_set"),
    Defect("does not read the switch before the call", CORE, "            if stopped := (yield from _stopped(job)):\n                return", '            if stopped := "":\n                return', "unit/test_switch.py::test_set_after_the_intent_the_step_is_closed_as_not_done"),
    # verification
    Defect("says contained without a read", VERIFY, "for s in counted(job) if not s.holds(state)]", "for s in counted(job) if False]", VERIFY_T + "test_reverted_once_it_is_asserted_again_and_holds"),
    Defect("looks before it is time", VERIFY, "    if now < job.due:\n", "    if False:\n", VERIFY_T + "test_it_is_looked_at_when_it_is_time_and_not_before"),
    Defect("pages before it asserts again", VERIFY, "if job.round == ROUNDS:", "if True:", VERIFY_T + "test_reverted_once_it_is_asserted_again_and_holds"),
    Defect("asserts once too often", VERIFY, "if job.round == ROUNDS:", "if job.round == ROUNDS + 1:", VERIFY_T + "test_reverted_before_it_was_ever_seen_it_is_asserted_three_times_again_and_then_paged"),
    Defect("fights its own undo", VERIFY, "if wrong and job.ended and", "if False and", VERIFY_T + "test_an_undo_ends_the_watch_and_is_not_fought"),
    Defect("contains a namesake anew", VERIFY, "(unique_id and state.identity.unique_id != unique_id)", "False", VERIFY_T + "test_a_target_that_is_gone_is_looked_at_no_more"),
    Defect("does not climb the ladder", JOB, "        return (*chosen[: self.step],", "        return None\n        return (*chosen[: self.step],", VERIFY_T + "test_a_rung_that_a_quota_refuses_is_climbed"),
    # votes
    Defect("authorises with a truthy tuple", AUTHORITY, "if not may_approve(voter, settings):", "if not (may_approve(voter, settings),):", DECIDE_T + "test_where_approvers_are_named_only_they_vote"),
    Defect("lets who caused it vote", AUTHORITY, "if job.actor and who(job.actor, settings) == me:", "if False:", DECIDE_T + "test_who_has_no_vote"),
    Defect("takes sessions for persons", "engine/ids.py", '    return f"{identity.kind}/{folded(identity.name', '    return name\n    return f"{identity.kind}/{folded(identity.name', DECIDE_T + "test_sessions_of_one_role_are_one_person_but_people_of_identity_center_are_not"),
    Defect("counts a vote after the deadline", APPROVE, "    if job.state is S.PENDING and now >= job.expires:\n", "    if False:\n", DECIDE_T + "test_a_vote_at_the_deadline_is_too_late_and_expired_means_no"),
    Defect("needs one where two are asked for", APPROVE, "enough = len(approvals) >= job.needs", "enough = True", DECIDE_T + "test_two_people_where_the_configuration_asks_for_two"),
    Defect("counts one person twice", APPROVE, "    if me in job.approvals:\n", "    if False:\n", DECIDE_T + "test_two_people_where_the_configuration_asks_for_two"),
    Defect("ignores a no after a yes", APPROVE, "late = not wish.approve and job.state is S.APPROVED and bool(job.approvals)", "late = False", DECIDE_T + "test_a_denial_still_counts_until_somebody_has_taken_the_job_up"),
    Defect("lets an owner vote", AUTHORITY, "    if me in job.no_say:\n", "    if False:\n", AUTHORITY_T + "test_who_has_no_say"),
    Defect("hears anybody in a chat", AUTHORITY, "    if voter.in_chat and known(voter.name, settings, voter.unique_id) is None:\n", "    if False:\n", AUTHORITY_T + "test_who_has_no_say"),
    Defect("lets the same user of another workspace vote", AUTHORITY, "if name in p.chat or", "if any(name.endswith(one.rpartition('/')[2]) for one in p.chat) or", AUTHORITY_T + "test_who_is_behind_a_name"),
    Defect("does not compare the plan with the one on record", APPROVE, "    if decided == [job.plan.digest]:\n", "    if decided:\n", "properties/test_votes.py::test_35_a_plan_that_somebody_changed_is_neither_approved_nor_carried_out"),
    Defect("approves what was not shown", APPROVE, "if wish.shown and not job.plan.digest.startswith(wish.shown):", "if False:", "unit/test_vote_plan.py::test_a_vote_counts_for_the_plan_that_was_shown"),
    Defect("loses what was asked when more is asked", QUESTIONS, "steps = (*standing.plan.steps, *(step", "steps = (*(), *(step", QUESTIONS_T + "test_what_is_new_is_asked_together_with_what_was_asked"),
    Defect("lets a question be pushed away for ever", QUESTIONS, "standing.merged < REPLACED_AT_MOST and few", "few", QUESTIONS_T + "test_a_question_is_not_pushed_away_or_changed_for_ever"),
    Defect("hears a vote on what is replaced", APPROVE, "(yield from front(job))) != job.id:", '(yield from front(job))) == "":', QUESTIONS_T + "test_who_dies_before_the_earlier_question_is_ended_leaves_one_that_counts"),
    Defect("joins a question whose time is over", DECIDE, "            if now >= overdue.expires:\n", "            if False:\n", QUESTIONS_T + "test_a_question_whose_time_is_over_joins_nothing"),
    Defect("runs a question that was replaced", APPROVE, '    if newer := (yield from replaced_by(job)):\n        return (yield from end(job, S.CANCELLED, f"asked about together with more by job {newer}"))\n    until', "    until", QUESTIONS_T + "test_a_question_that_was_replaced_never_runs_whatever_became_of_the_newer"),
    Defect("gives a lesser finding's time to a grave question", QUESTIONS, "        expires=graver.expires,\n", "", QUESTIONS_T + "test_only_a_graver_finding_gives_a_question_its_own_time"),
    Defect("forgets who is involved in what joins", QUESTIONS, "    elif new := tuple(one for one in job.no_say if one not in other.no_say):\n", "    elif new := ():\n", QUESTIONS_T + "test_whoever_is_involved_in_a_finding_that_joins_has_no_say_either"),
    Defect("exempts whoever undid it", "engine/undo.py", "        no_say=tuple(dict.fromkeys((*job.no_say,", "        no_say=tuple(dict.fromkeys((*(),", WAIVE_T + "test_an_undo_is_no_way_round_who_is_involved"),
    Defect("buries what is grave", "engine/tell.py", "(ALONE if grave else LESSER_ALONE)", "ALONE", "properties/test_flood.py::test_what_is_critical_is_never_buried_under_what_is_not"),
    Defect("exempts for ever", WAIVE, "    if not now < end <= now + LONGEST + timedelta(days=1):\n", "    if not now < end:\n", WAIVE_T + "test_an_exemption_that_is_refused_leaves_nothing"),
    Defect("exempts whoever bears the name", WAIVE, '"principal": unique_id,', '"principal": job.plan.target.name,', WAIVE_T + "test_who_bears_the_name_later_is_not_exempt"),
    # undo
    Defect("its rollback does again what it should undo", UNDO, "    call, before = step.inverse, step.before", "    call, before = step.call, step.before", RESPOND_T + "test_what_is_protected_since_can_still_be_released"),
    Defect("overwrites what a third party changed", CORE, "is ActionClass.REVERSAL or job.undo_of):", "is ActionClass.REVERSAL and not job.undo_of):", RESPOND_T + "test_an_undo_needs_the_state_it_was_planned_for"),
    Defect("undoes what the trail does not bear out", UNDO, "        if wrong := problems(", "        if False and problems(", UNDO_T + "test_what_the_trail_does_not_bear_out_is_not_undone"),
    Defect("gives back what was critical", UNDO, "is Severity.CRITICAL and not override:", "is Severity.CRITICAL and False:", UNDO_T + "test_what_was_critical_is_not_given_back_without_a_reason"),
    Defect("wakes sessions with the key", UNDO, "    if wakes and not override", "    if False and not override", UNDO_T + "test_a_credential_is_not_woken_while_what_it_issued_may_live"),
    Defect("lets anybody profit from an undo", DECIDE, '            and person(exemption.by) == person(actor or "")\n', "", DECIDE_T + "test_what_a_person_put_back_is_not_reversed_again_for_a_while"),
    # loops, sweep
    Defect("takes whatever its role does for its own", "engine/own_acts.py", "    job: Job | None = (yield ReadJob(event.mark)) if event.mark else None\n", "    return None\n    job: Job | None = (yield ReadJob(event.mark)) if event.mark else None\n", "unit/test_own_acts.py::test_a_call_by_our_role_that_no_job_explains_is_loud"),
    Defect("lets questions stand for ever", SWEEP, "    if job.state is S.PENDING:\n", "    if False:\n", SWEEP_T + "test_a_question_that_nobody_answered_is_a_no_and_people_are_told"),
    Defect("forgets notices without a receipt", SWEEP, "    yield Tell(told)\n", "    yield from ()\n", SWEEP_T + "test_a_notice_without_a_receipt_is_told_again_with_the_same_id"),
    Defect("lets dead letters lie", SWEEP, "    if job.state in (S.APPROVED, S.RUNNING, S.VERIFYING):\n", "    if False:\n", SWEEP_T + "test_a_dead_letter_brings_its_job_to_an_end"),
    # containment under resistance
    Defect("believes its own policies unread", "engine/own_policies.py", "    if meant is None:\n", "    if True:\n", CONTAIN_T + "test_without_another_rung_it_is_not_contained_and_somebody_is_told_why"),
    Defect("believes its own policies once they are attached", VERIFY, "if contains(job) and (why := void(", "if False and (why := void(", CONTAIN_T + "test_a_deny_policy_changed_before_the_first_look_is_noticed_and_what_it_gave_is_taken_back_by_the_undo"),
    Defect("lets one refusal end the containment", CORE, "if contains(job) and not (last and", "if False and not (last and", CONTAIN_T + "test_what_the_cloud_refuses_is_left_the_rest_is_contained_looked_at_and_somebody_is_paged"),
    Defect("calls in part contained", VERIFY, "        return S.PARTIAL\n", "        return S.DONE\n", CONTAIN_T + "test_what_the_cloud_refuses_is_left_the_rest_is_contained_looked_at_and_somebody_is_paged"),
    Defect("fights for a key that is gone", "domain/plan.py", " or (value is None and self.fact.kind in CREDENTIALS)", "", CONTAIN_T + "test_a_key_that_somebody_deleted_needs_no_switching_off"),
    Defect("forgets what may have happened", "engine/steps.py", "changed=job.with_changed())", "changed=job.changed)", CONTAIN_T + "test_a_job_given_up_in_the_middle_of_a_step_says_that_it_may_have_happened_and_an_undo_counts_it"),
    Defect("takes a failed undo for the end of the watch", VERIFY, "if not undo.ended or undo.changed or undo.state in (S.DONE, S.NOTHING_TO_DO):", "if True:", CONTAIN_T + "test_an_undo_that_failed_without_changing_anything_does_not_switch_the_watch_off"),
    Defect("counts acts on administrators, not administrators", BUDGET, "weight = len(whom) if budget.whom else budget.weight", "weight = budget.weight", BUDGET_T + "test_an_administrator_counts_once_however_often_somebody_acts_on_them"),
    Defect("lets all who name no actor share a budget", BUDGET, 'f"what {job.plan.target.key} does"', '""', BUDGET_T + "test_findings_that_name_no_actor_do_not_share_a_budget"),
    Defect("lets noise crowd out a critical question", BUDGET, "{'critical:' if urgent else ''}", "", BUDGET_T + "test_the_containment_of_something_critical_is_not_crowded_out_by_other_questions"),
    Defect("lets a suspect in by a later pattern", "engine/census.py", "() if unique_id in suspects else tuple(", "tuple(", "unit/test_census.py::test_no_name_and_no_later_pattern_protects_a_suspect_but_the_owner_may_name_its_unique_id"),
    Defect("protects a suspect by name", PROTECT, "    if unique_id in census.newly:\n", "    if False:\n", "unit/test_census.py::test_no_name_and_no_later_pattern_protects_a_suspect_but_the_owner_may_name_its_unique_id"),
    Defect("counts baits as a share", "engine/census.py", "s.created is None or now - s.created >= A_DAY", "True", "unit/test_census.py::test_who_is_younger_than_a_day_makes_no_guardrail_unbelievable"),
    Defect("lets members vote on what they lose", AUTHORITY, "& {job.plan.target.key, *job.plan.affects}", "& {job.plan.target.key}", DECIDE_T + "test_the_members_of_a_group_have_no_vote_on_what_they_lose_by_whatever_name"),
    Defect("sets its own refused calls aside", "engine/evaluate.py", "        if event.actor and event.actor.identity and event.actor.identity.arn in self.settings.deployment.own_roles:", "        if event.set_aside is None and event.actor and event.actor.identity and event.actor.identity.arn in self.settings.deployment.own_roles:", "unit/test_own_acts.py::test_what_our_role_tried_and_was_refused_is_reconciled_too"),
    Defect("explains calls by a job that ended", "engine/own_acts.py", "        ends += [r.time for r in every if r.kind is RecordKind.CLOSED]", "        ends += []", "unit/test_own_acts.py::test_a_job_that_ended_explains_nothing_any_more_though_its_intent_stands_open"),
    Defect("lets one poisoned letter keep the others", "chores_aws.py", "            except Exception:  # the function's edge: one letter must not", "            except ZeroDivisionError:  # the function's edge: one letter must not", "unit/test_functions.py::test_one_dead_letter_that_cannot_be_buried_does_not_keep_the_others_from_it"),
    # what two readings, a census and CloudTrail tell
    Defect("believes one reading", VERIFY, "if contains(job) or not job.changed:", "if contains(job):", RESPOND_T + "test_what_seemed_to_be_so_already_because_iam_lagged_is_done_at_the_next_look"),
    Defect("takes anybody's deny for its own", DECIDE, "        found += [] if (yield from _ours(held)) else [held]\n", "        yield from _ours(held)\n", HELD_T + "test_a_deny_that_somebody_else_attached_before_we_looked_is_no_containment_of_ours"),
    Defect("gives back what somebody else took off", CORE, "ours = again or not isinstance(reply, Failed) or", "ours = True or not isinstance(reply, Failed) or", RESPOND_T + "test_no_such_entity_is_our_own_success_where_an_earlier_reply_may_be_lost_and_somebody_elses_act_where_not"),
    Defect("forgets the boundary that it replaced", UNDO, "if step.fact.kind is FactKind.BOUNDARY and found is not None:", "if False:", HELD_T + "test_a_boundary_that_somebody_set_between_plan_and_call_comes_back_with_the_undo"),
    Defect("excepts whoever bears the name", PROTECT, "if census is not None and identity.unique_id is not None and exemption_pattern(exemption) in census.patterns:", "if False:", HELD_T + "test_an_exception_goes_by_who_bore_the_name_when_it_was_recorded"),
    Defect("reverses what stood for long", "engine/planning.py", "return grant_name(case.identity.unique_id, event.name, event.parameters) in census.standing", "return False", "simulation/test_lost_events.py::test_to_give_somebody_again_what_they_have_had_for_long_is_a_bait_and_only_asks"),
    Defect("puts back what the attacker put in our place", UNDO, 'found.setdefault((said.step or 0, said.rung), said.data.get("found"))', 'found[(said.step or 0, said.rung)] = said.data.get("found")', HELD_T + "test_a_boundary_that_the_attacker_put_in_ours_place_does_not_come_back"),
    Defect("leaves the deny out where the quota is full", "actions/_ladder.py", "rungs = [attach_step(case, action, policy)]", "rungs = [attach_step(case, action, policy)] if len(state.attached or ()) < 10 else []", "unit/test_actions.py::test_the_rungs_above_the_first_are_part_of_the_step"),
    Defect("takes anything for fresh without a census", "engine/planning.py", "        return deployed  # whoever", "        return False  # whoever", "unit/test_evaluate.py::test_without_a_census_a_deployment_takes_nothing_for_fresh"),
    Defect("asks before it tells", "engine/search.py", "    yield from decide(found.summary, settings)\n    opened", "    opened", "unit/test_incident.py::test_the_incident_is_there_before_anything_is_asked"),
    Defect("switches off keys that are gone", "engine/incident.py", "if key in active)", "if key)", SEARCH_T + "test_keys_that_were_deleted_do_not_stand_before_the_one_that_works"),
    Defect("does not look where a containment is reverted each time", VERIFY, "due=now + (SEARCH_AGAIN if last else UNTAKEN),", "due=None if last else now + UNTAKEN,", VERIFY_T + "test_reverted_each_time_after_it_held_people_are_paged_in_the_end"),
    Defect("asks nobody again about what was given once more", "engine/census.py", 'id=f"{judgement.event.id}:{previous.taken.isoformat()}"', "id=judgement.event.id", "unit/test_census.py::test_what_could_not_be_told_is_told_by_the_next_census"),
    # targets, memory, timeline
    Defect("takes the policy of before from the newest event", "engine/evaluate.py", "            exempted=tuple(exempted),\n            cause=", "            exempted=tuple(exempted),\n            good=_good(case, [g for g, _ in verdicts]),\n            seen=case.now,\n            cause=", "unit/test_hear.py::test_what_was_found_is_not_remembered_as_fine"),
    Defect("remembers what is older over what is newer", "clouds/memory/store.py", "if kept is None or kept[0] <= seen:", "if True:", "contract/test_store.py::test_what_was_fine_is_remembered_and_nothing_older_replaces_it"),
    Defect("reads the timeline before it writes", "engine/correlate.py", "        yield KeepSignal(signal)\n", "", "properties/test_playbook.py::test_it_is_found_within_the_processing_of_the_second_event_and_asked_once"),
    Defect("mixes the people of a permission set", "engine/correlate.py", "person = event.session if identity.kind", 'person = "" if identity.kind', "properties/test_playbook.py::test_people_of_one_permission_set_have_timelines_of_their_own"),
    Defect("takes a key that was used for a fresh one", "actions/_credentials.py", "credential.used is False and", "True and", "unit/test_guardrails.py::test_case"),
    Defect("sets back a version that says something else by now", "actions/aws_iam_rollback_policy_version.py", "return version if digest(versions[version]) == digest(meant) else None", "return version", "unit/test_targets.py::test_a_version_that_says_something_else_by_now_is_not_set_back"),
    Defect("lets the owner of a policy be overlooked", "engine/planning.py", "(case.target,) if holders is None else holders", "(case.target,)", "unit/test_targets.py::test_who_holds_a_policy_counts_for_protection_and_blast_radius"),
    Defect("makes any call with an operator's credentials", "cli/undo.py", "if arn is None or named is None or not _is_about(call, named, arn):", "if arn is None or named is None:", "unit/test_cli_stack.py::test_nothing_but_a_policy_put_back_is_called_with_an_operators_credentials"),
    Defect("hears calls of other services by their names", "domain/finding.py", 'return service is None or self.service in ("*", service)', "return True", "unit/test_guardrails.py::test_case"),
    Defect("never hears of what was lost", "engine/census.py", "        missed += [] if (yield from _heard(judgement, previous)) else [News((name,), _anew(judgement, previous))]\n", "        yield from _heard(judgement, previous)\n", "simulation/test_lost_events.py::test_whatever_is_lost_the_account_ends_the_same"),
    Defect("calls an incomplete search complete", "engine/search.py", "complete and found.complete", "complete", SEARCH_T + "test_noise_does_not_hide_what_came_before_it"),
    Defect("asks about who bore the name before", "engine/incident.py", "if None not in made and identity.unique_id not in made:", "if False:", SEARCH_T + "test_who_bears_the_name_now_is_asked_about"),
    Defect("searches only what it contained", "engine/moves.py", "    begun = contains(job) and", "    begun = False and", SEARCH_T + "test_what_could_not_be_contained_or_is_gone_is_searched_all_the_same"),
    Defect("asks twice about one trace", "engine/search.py", "if left.event not in known)", "if True)", SEARCH_T + "test_it_is_looked_for_twice_and_nobody_is_asked_twice"),
    Defect("hears no silence", "engine/canary.py", '    return said if lived else ""', '    return ""', "unit/test_canary.py::test_a_canary_that_does_not_come_through_is_missed_within_two_periods"),
    # Google Cloud
    Defect("writes a policy without its etag", POLICIES, '    body = {**policy, "version":', '    body = {**{k: v for k, v in policy.items() if k != "etag"}, "version":', GOOGLE_T + "test_86_every_write_carries_the_etag_and_at_least_the_version_that_was_read"),
    Defect("writes a policy in an older version", POLICIES, 'max(int(policy.get("version") or 1), CONDITIONAL)', "1", GOOGLE_T + "test_86_every_write_carries_the_etag_and_at_least_the_version_that_was_read"),
    Defect("reads a policy without its conditions", POLICIES, 'body={"options": {"requestedPolicyVersion": 3}}', "body={}", GOOGLE_T + "test_of_two_bindings_of_a_role_the_one_that_is_meant_goes"),
    Defect("gives up where somebody else was faster", POLICIES, "            if error.number not in RACED:", "            if error.number:", GOOGLE_T + "test_who_was_slower_reads_again_five_times_at_most"),
    Defect("gives a grant because a stored job says so", "clouds/gcp/writer.py", "        if not self._gives and call.operation", "        if False and call.operation", GOOGLE_T + "test_the_writer_of_a_deployment_gives_nobody_a_grant"),
    Defect("counts what somebody else took as its own act", "clouds/gcp/writer.py", "            if self._make(call, headers) is False:", "            if self._make(call, headers) is None and False:", GOOGLE_T + "test_what_somebody_else_took_first_is_not_given_back_by_an_undo"),
    Defect("takes a stolen call on Google for ours", "engine/own_acts_gcp.py", "== [_meant(call.parameters)] and", "!= [] and", "unit/test_functions_gcp.py::test_our_own_call_is_reconciled_with_its_job_and_one_that_none_explains_is_loud"),
    Defect("reaches our own accounts", PROTECT, "    if comparable(identity.arn) in {", "    if False and comparable(identity.arn) in {", "unit/test_protect_google.py::test_who_is_meant_is_out_of_reach"),
    Defect("keys bindings by role alone", "domain/binding.py", "    return plain(condition if isinstance(condition, Mapping) else None) == plain(binding.condition)", "    return bool(condition) or True", "properties/test_allow_policies.py::test_85_no_change_drops_a_condition_or_anything_else"),
    Defect("leaves a binding without members", "domain/binding.py", '        gone = {n for n in held if not listed[n]["members"]}', "        gone: set[int] = set()", "properties/test_allow_policies.py::test_85_no_change_drops_a_condition_or_anything_else"),
    Defect("compares addresses by their letters' case", "domain/binding.py", "return member.lower() if", "return member if", "properties/test_allow_policies.py::test_87_addresses_know_no_case_and_nothing_else_does"),
    Defect("disables who bears the address now", CORE, "if target.unique_id and state.identity.unique_id != target.unique_id:", "if False:", GOOGLE_T + "test_89_an_account_made_anew_under_the_same_address_is_another_one"),
    Defect("calls what can still be done contained", VERIFY, "    if job.refused or _left(job):", "    if job.refused:", GOOGLE_T + "test_what_a_deny_policy_cannot_deny_is_named_and_the_outcome_is_partial"),
    Defect("removes the last owner", "actions/gcp_iam_remove_binding.py", "    if owners and owners <= going and", "    if owners and not owners and", "unit/test_actions.py::test_case"),
    Defect("takes a token for somebody else", "clouds/gcp/push.py", '        if claims.get("aud") != self._audience:', "        if False:", "unit/test_push.py::test_88_a_bad_token_is_refused_for_its_reason"),
    Defect("takes a token of anybody", "clouds/gcp/push.py", '        if claims.get("email") != self._account or', "        if", "unit/test_functions_gcp.py::test_88_who_is_not_ours_gets_401_and_nothing_happens"),
    Defect("takes a token that is not signed", "clouds/gcp/push.py", "            if not self._stripped:", "            if False:", "unit/test_push_on_cloud_run.py::test_a_token_whose_signature_cloud_run_took_off_is_taken_only_where_the_deployment_says_so"),
    Defect("takes a standing grant for a fresh one", "engine/deltas_gcp.py", '"standing": known is None', '"standing": False', "unit/test_deltas_gcp.py::test_where_nobody_knows_what_was_before_it_asks"),
    Defect("wakes an account while its tokens live", UNDO, "    FactKind.SERVICE_ACCOUNT: timedelta(hours=12),\n", "", "unit/test_deltas_gcp.py::test_an_account_is_woken_only_when_its_tokens_are_dead"),
    # the trail
    Defect("seals a record twice", "engine/trail/seal.py", "if (size := store.size()) >= at.edge.size:", "if (size := store.size()) >= 0:", "unit/test_seal.py::test_a_crash_anywhere_loses_and_doubles_nothing"),
    Defect("continues what somebody else signed", "engine/trail/seal.py", "if not signer.signed(checkpoint.text.encode(), found.by(signer.key)):", "if False:", "unit/test_seal.py::test_a_checkpoint_that_somebody_forged_is_not_continued"),
    Defect("continues from a forged edge", "engine/trail/seal.py", "if stored is None or not edge.whole or edge.root != checkpoint.root:", "if stored is None:", "unit/test_seal.py::test_an_archive_that_somebody_wrote_to_is_not_continued"),
    Defect("believes a signature unseen", "engine/trail/verify.py", "if not signed(key, note.checkpoint.text.encode(), note.by(key)):", "if False:", "unit/test_trail_verify.py::test_it_is_named_with_its_class_and_its_place"),
    Defect("calls an old trail anchored", "engine/trail/verify.py", "now - times[anchor - 1] <= 2 * BEAT)", "now - times[anchor - 1] <= 2000 * BEAT)", "unit/test_trail_verify.py::test_an_anchor_is_fresh_for_two_heartbeats"),
    Defect("does not compare with what is held", "engine/trail/verify.py", "if root(leaves[: held.size]) != held.root:", "if False:", "unit/test_trail_verify.py::test_a_trail_that_does_not_contain_what_is_held_or_remembered_is_refused"),
    Defect("writes over what is sealed", "clouds/aws/archive.py", ', IfNoneMatch="*")', ")", "contract/test_archive.py::test_what_is_put_comes_back_and_is_never_replaced"),
    Defect("overlooks delete markers", "clouds/aws/archive.py", 'wrong |= dict.fromkeys(marker["Key"] for marker in page.get("DeleteMarkers", ()))', "pass", "contract/test_archive.py::test_in_a_bucket_a_delete_marker_and_a_second_version_are_seen"),
    Defect("takes a stolen call for ours by its mark alone", "engine/trail/reconcile.py", "event.mark == self.intent.job and event.time is not None and early <= event.time <= late", "event.mark == self.intent.job", "properties/test_reconcile.py::test_16_everything_without_a_counterpart_is_listed_and_nothing_else"),
)  # fmt: skip
