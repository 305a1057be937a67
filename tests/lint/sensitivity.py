"""No field that can carry personal data is without its `sensitivity` option (style.md §7), and the broker cannot read content.

1. What agencies say of people: every field of section_content.proto and of the five services' own packages states it.
2. A field whose type is a message of section_content.proto states CONTENT, wherever it stands.
3. A field whose type is a code that states a fact about a person (PERSON_FACTS) states it, unless NOT_PERSONAL has it by its full name.
4. Any other text, bytes, time or flag states it, or its name is in NOT_PERSONAL with the reason.
   (Other numbers count or place things; a field of another message type is as sensitive as the fields of that message say.)
5. From what the broker's, the inspectors' and the administrators' services exchange, no CONTENT can be reached."""
import descriptors
from descriptors import Field
from tree import Case

CONTENT_FILE = "accord/type/v1/section_content.proto"
SPEAKERS = {f"accord.{agency}.v1" for agency in ("police", "childrens", "housing", "health", "idva", "refer", "forum")}
BLIND = ("accord.broker.", "accord.inspection.", "accord.admin.")

PERSON_FACTS = {f"accord.type.v1.{name}" for name in (
    "AgeBand", "Article6Basis", "Article9Condition", "Category", "ConfidentialityConsent", "ContactDecision", "DeclineReason",
    "Gateway", "Instrument", "MaracCriterion", "Purpose", "RelationshipClass", "RiskGrade", "SubjectRole", "VictimAwareness")}

STATED_FOR = {Field.TYPE_STRING, Field.TYPE_BYTES, Field.TYPE_BOOL, Field.TYPE_INT64}

# reason → names of fields, bare (everywhere) or full.
NOT_PERSONAL = {
    "trails: in which order, and how a filter is read: words of the broker's own": """
        accord.inspection.v1.TrailFilter.newest_first accord.inspection.v1.ExplainTrailResponse.checked""",
    "who of an organisation's people or programs is shut out, and why: the directory's own": """
        accord.admin.v1.Agency.suspended accord.admin.v1.PutOfficer.suspended accord.inspection.v1.OfficerShutOut.suspended
        accord.inspection.v1.OfficerShutOut.reason""",
    "named questions and samples: what a question is, how it was asked, and the seed of a draw": """
        accord.inspection.v1.Question.title accord.inspection.v1.Question.definition accord.inspection.v1.Question.parameters accord.inspection.v1.Question.fields
        accord.inspection.v1.AskQuestionRequest.for_publication accord.inspection.v1.DrawSampleRequest.seed accord.inspection.v1.DrawSampleResponse.seed
        accord.type.v1.EntryEvent.query_digest accord.type.v1.EntryEvent.sample_seed accord.inspection.v1.Table.title accord.inspection.v1.Table.definition
        accord.inspection.v1.Row.suppressed accord.inspection.v1.Coverage.events accord.inspection.v1.Table.notes accord.inspection.v1.Coverage.first_ms accord.inspection.v1.Coverage.last_ms accord.inspection.v1.Coverage.enrolled_ms""",
    "disclosures: when one was asked and collected, that nobody answered, that what was sealed is gone, which are listed, and the key of an agency": """
        asked_at_ms collected_at_ms accord.inspection.v1.Disclosure.overdue accord.inspection.v1.ListDisclosuresRequest.open_only accord.agency.v1.ListDisclosuresRequest.open_only
        accord.type.v1.ReferralFound.received accord.type.v1.ReferralFound.erased
        accord.inspection.v1.CollectDisclosureResponse.signing_certificate accord.storage.v1.StoredDisclosure.signing_certificate
        accord.storage.v1.StoredDisclosure.asked_digest accord.storage.v1.StoredDisclosure.gone""",
    "administration: what a change of directory or policy makes different (what leads to people stands there by its digest), check-lists, when "
    "an agency's service called, and until when maintenance and proposals last": """
        expires_at_ms in_force withdrawn_at_ms maintenance_since_ms maintenance_until_ms dry_run last_call_ms last_refused_ms last_refusal certificate_until_ms
        last_alert_ms accord.admin.v1.SetMaintenanceRequest.on accord.admin.v1.FieldDifference.field accord.admin.v1.FieldDifference.before
        accord.admin.v1.FieldDifference.after accord.admin.v1.GetChangeResponse.planned_before accord.admin.v1.GetChangeResponse.planned_withdrawn accord.admin.v1.CheckListItem.code accord.admin.v1.CheckListItem.done accord.admin.v1.CheckListItem.text
        accord.admin.v1.CheckListItem.optional accord.admin.v1.WithdrawChangeRequest.request_id accord.admin.v1.SuspendPrincipalRequest.request_id
        accord.admin.v1.ReinstatePrincipalRequest.request_id accord.admin.v1.SetMaintenanceRequest.request_id
        accord.type.v1.EntryEvent.maintenance""",
    "a code of why a principal or warrant is suspended; whom it concerns stands beside it, marked": """
        accord.type.v1.EntryEvent.why""",
    "a digest or random bytes that name a referral, section, delivery, statement or answer: they lead to a person only through the "
    "openings, which are marked": """
        decision_digest delivery_id digest draft_digest header_digest last_statement previous_statement referral
        replaced_by section_digests section_id section_ids statement_digest subject_id tag_id accord.storage.v1.StoredAssignment.last_request_digest released_sections caused_by contact
        accord.type.v1.VictimInformationRequest.statement_section sender_statement corrected_by corrects
        accord.broker.v1.Holder.change accord.storage.v1.StoredRecipient.change accord.type.v1.Statement.answers
        accord.type.v1.Statement.tag_commitments
        change_digest salt evidence_digest hold_referrals
        accord.agency.v1.CheckRow.responses accord.storage.v1.StoredSubmission.responses resealed_by
        accord.type.v1.SealedSection.uploaded accord.agency.v1.OpenedSection.section accord.agency.v1.ReadAttachmentRequest.section
        accord.storage.v1.StoredSubmission.request_digest accord.storage.v1.StoredDisclosureAnswer.answered_digest""",
    "`referrals/{digest}`, `changes/{number}` or `links/{number}`, as above": """
        name accord.admin.v1.Hold.change accord.broker.v1.SharingNotice.link accord.agency.v1.AnswerCaseLinkRequest.link""",
    "the number of a legal hold, given by an administrator; not what it covers": """
        hold holds accord.admin.v1.SetHold.id accord.admin.v1.LiftHold.id""",
    "a body that orders things, and its reference; where it leads to a case it is marked": "accord.type.v1.EntryEvent.authority",
    "made of public keys and hashes": """
        key_id signature certificate sealing_certificate confidential_sealing_certificate signing_certificates sender_certificate
        sealing_certificate_digest previous_sealing_certificate sealing_endorsement
        path leaf leaves tlog_proof note log_vkey origin checkpoint accord.storage.v1.StoredCosigned.root
        accord.storage.v1.StoredCosignature.line""",
    "a warrant: its id, the body and the power behind it, when it counts, what is asked of the list of them; whom and what it covers is marked": """
        warrant legal_power inspectorate activated_at_ms suspended_at_ms ended_at_ms
        accord.inspection.v1.Warrant.id accord.inspection.v1.ActivateWarrantRequest.id accord.inspection.v1.ChangeWarrantRequest.id
        accord.inspection.v1.Warrant.starts_ms accord.inspection.v1.Warrant.ends_ms accord.inspection.v1.Warrant.embargo_until_ms
        accord.inspection.v1.ProposeWarrantRequest.dry_run accord.inspection.v1.ListWarrantsRequest.with_ended
        accord.inspection.v1.ProposeWarrantRequest.request_id accord.inspection.v1.ActivateWarrantRequest.request_id
        accord.inspection.v1.ChangeWarrantRequest.request_id accord.storage.v1.StoredWarrant.chain accord.storage.v1.StoredLook.party""",
    "an agency's id or what describes the organisation": """
        agency sender recipient recipients witnesses on_behalf_of deputy duty_recipient areas display_name accord.admin.v1.Agency.id
        specialisms works_with_perpetrators coordinator members accord.admin.v1.Forum.id duty_telephone
        accord.admin.v1.DutyHours.not_on_bank_holidays no_one_on_duty
        accord.police.v1.ReportIncidentRequest.force accord.broker.v1.ChangeConsentResponse.not_told
        accord.broker.v1.CorrectReferralResponse.not_told accord.broker.v1.RecallReferralResponse.not_told accord.broker.v1.WithdrawReferralResponse.told""",
    "what became of a file of records: its digest, where it lies, which call, and what was wrong without what it said": """
        accord.storage.v1.StoredImport.sha256 accord.storage.v1.StoredImport.taken_at_ms accord.storage.v1.StoredImport.folder
        accord.storage.v1.StoredImport.moved accord.storage.v1.StoredImportedRecord.call accord.storage.v1.StoredImportedRecord.reason
        accord.storage.v1.StoredImportedRecord.field accord.storage.v1.StoredImportedRecord.words""",
    "a team of an agency": """
        accord.agency.v1.Assignment.team accord.agency.v1.SearchInboxRequest.assigned_team accord.agency.v1.AssignReferralRequest.to_team
        accord.agency.v1.WorkerRecord.teams accord.agency.v1.JournalEntry.team""",
    "what is asked of an inbox, of nobody in particular": """
        accord.agency.v1.SearchInboxRequest.senders accord.agency.v1.SearchInboxRequest.received_from_ms
        accord.agency.v1.SearchInboxRequest.received_until_ms accord.agency.v1.SearchInboxRequest.unassigned
        accord.agency.v1.SearchInboxRequest.overdue accord.agency.v1.SearchInboxRequest.unopened""",
    "what a service publishes of itself, of no client: whom it takes, and until when": """
        accord.admin.v1.SupportOffer.genders accord.admin.v1.SupportOffer.languages
        accord.admin.v1.SupportOffer.closed accord.admin.v1.SupportOffer.places_not_counted accord.admin.v1.SupportOffer.valid_until_ms""",
    "a version or the text of published rules": """
        agreement_version emergency_version law_version clock_version instrument_version ric_version screening_version version accord.admin.v1.PutAgreement.text
        accord.storage.v1.StoredAgreement.text token_key domain rule_id case_rules_version rules_version accord.admin.v1.PutCaseRules.text
        accord.admin.v1.PutEmergencySchedule.text accord.admin.v1.PutLegalRegister.text accord.admin.v1.PutClockRules.text accord.admin.v1.PolicyDocument.id
        accord.admin.v1.PolicyDocument.text accord.storage.v1.StoredPolicyText.text""",
    "from a closed list of this project: methods, reasons, labels, families, kinds of change, grades of completeness": """
        method label payload_type completeness accord.type.v1.EntryEvent.change accord.type.v1.EntryEvent.reason
        accord.broker.v1.RejectCommand.reason accord.broker.v1.DeadLetter.reason accord.broker.v1.DeliveryAttempt.outcome
        accord.storage.v1.StoredAttempt.outcome accord.storage.v1.StoredDelivery.dead_reason accord.storage.v1.StoredAlarm.reason accord.storage.v1.StoredErasingRow.family
        accord.agency.v1.GetServiceStatusResponse.alert accord.agency.v1.JournalEntry.reason
        accord.agency.v1.WaitingItem.reason accord.agency.v1.ReceivedRecord.unopened accord.agency.v1.BuildCasePackResponse.kind""",
    "text made by the program from its own words, without personal data (style.md §5)": """
        accord.type.v1.SectionDecision.reason what_would_change_it alarm waiting_for accord.storage.v1.StoredAlarm.text
        accord.broker.v1.PreviewReferralResponse.warnings accord.broker.v1.SubmitReferralResponse.warnings
        accord.storage.v1.StoredReferral.warnings accord.agency.v1.TodayItem.words accord.agency.v1.WaitingItem.words
        accord.agency.v1.PackField.reasons""",
    "opaque, made by the server, grants nothing": "page_token next_page_token accord.agency.v1.ExportRecordsRequest.after accord.agency.v1.ExportRecordsResponse.position",
    "when a program handled something, not when anything happened to a person": """
        accepted_at_ms assigned_at_ms left_at_ms accord.agency.v1.JournalEntry.at_ms approved_at_ms first_released_ms in_force_ms not_before_ms opened_at_ms proposed_at_ms raised_at_ms
        received_at_ms signed_at_ms since_ms stored_at_ms time_ms valid_from_ms answered_at_ms cosigned_at_ms delivered_at_ms
        erased_at_ms purged_at_ms decided_at_ms answer_due_ms change_due_ms last_round_at_ms lifted_at_ms published_at_ms review_at_ms set_at_ms named_at_ms released_at_ms
        shared_at_ms due_at_ms regraded_at_ms reviewed_at_ms recorded_at_ms assessed_at_ms queued_at_ms dead_at_ms alerted_at_ms
        uploaded_at_ms kept_until_ms accord.agency.v1.GetServiceStatusResponse.away_since_ms accord.agency.v1.GetServiceStatusResponse.certificate_until_ms
        accord.agency.v1.BuildCasePackResponse.at_ms
        released_ms ended_ms due_ms pick_up_due_ms response_due_ms feedback_due_ms recipients_asked_ms notice_due_ms reseal_wanted_ms from_ms until_ms effective_from_ms expires_ms""",
    "when it is asked about, as the caller says": "as_at_ms",
    "a flag of the protocol or of a program": """
        active live already accord.inspection.v1.TrailRow.erased behind reseal_wanted with_stand_ins checks of_statement notice_of_statement accord.agency.v1.GetChecksResponse.due emergency_gap not_to_alleged_perpetrator connected forked indexed inspector quorum walking by_person look hold_lifted lifting_told accord.agency.v1.WorkerRecord.replace_conflicts accord.storage.v1.StoredInboxPeople.cut preview_only rationale_present repeated_request send stopped strong
        third_party_material recalled with_receipts with_reviewed with_assessed accord.agency.v1.WaitingItem.needs_person
        accord.agency.v1.ExportRecordsRequest.without_content""",
    "the caller's own act in the directory; no referral": """
        accord.admin.v1.ProposeChangeRequest.request_id accord.admin.v1.ApproveChangeRequest.request_id""",
}


def check(tree):
    if not tree.files(".proto", under="proto"):
        return []
    try:
        files = descriptors.load(tree.root / "proto")
    except ValueError as error:
        return [f"proto: {error}"]
    ours = descriptors.options()
    fine = {name for names in NOT_PERSONAL.values() for name in names.split()}
    messages, content, used, findings = {}, set(), set(), []
    for file in files.values():
        for name, message, _ in descriptors.messages(file):
            messages[name] = message
            if file.name == CONTENT_FILE:
                content.add(name)
    for file in files.values():
        where = descriptors.Locations(file)
        for name, message, path in descriptors.messages(file):
            for i, field in enumerate(message.field):
                full, of_type = f"{name}.{field.name}", descriptors.type_name(field)
                stated = field.options.HasExtension(ours.sensitivity)
                needs = None
                if of_type in content:
                    if field.options.Extensions[ours.sensitivity] != ours.SENSITIVITY_CONTENT:
                        needs = "holds a section's content and is not SENSITIVITY_CONTENT"
                elif stated:
                    continue
                elif of_type in PERSON_FACTS and full not in fine:
                    needs = "is a coded fact about a person and states no sensitivity"
                elif full in fine or field.name in fine:
                    used.update({full, field.name} & fine)
                elif field.type == Field.TYPE_MESSAGE:
                    continue
                elif file.name == CONTENT_FILE or file.package in SPEAKERS:
                    needs = "is said of a person by an agency and states no sensitivity"
                elif field.type in STATED_FOR:
                    needs = "states no sensitivity and is not in NOT_PERSONAL of tests/lint/sensitivity.py"
                if needs:
                    findings.append(f"proto/{file.name}:{where.line(path + (2, i))}: {full} {needs}")
    findings += reachable_content(messages, ours)
    if CONTENT_FILE in files:  # The whole, not a case.
        findings += [f"tests/lint/sensitivity.py: {name} in NOT_PERSONAL is not used any more" for name in sorted(fine - used)]
    return findings


def reachable_content(messages, ours):
    """Paths from the blind packages to a field of content, one for each such field."""
    findings, seen = [], set()
    queue = [(name, name) for name in sorted(messages) if name.startswith(BLIND)]
    while queue:
        name, way = queue.pop()
        if name in seen or name not in messages:
            continue
        seen.add(name)
        for field in messages[name].field:
            if field.options.Extensions[ours.sensitivity] == ours.SENSITIVITY_CONTENT:
                findings.append(f"proto: content in what the broker exchanges: {way} → {field.name}")
            if field.type == Field.TYPE_MESSAGE:
                queue.append((descriptors.type_name(field), f"{way} → {field.name}"))
    return findings


def proto(package, body):
    return f'syntax = "proto3";\npackage {package};\nimport "accord/options/v1/options.proto";\n{body}'


MARK = "[(accord.options.v1.sensitivity) = SENSITIVITY_CONTENT]"
VOCABULARY = {"proto/accord/type/v1/vocabulary.proto": proto("accord.type.v1", "enum RiskGrade { RISK_GRADE_UNSPECIFIED = 0; }\n")}
CASES = [
    Case("stated, or known to be harmless", {
        "proto/accord/police/v1/p.proto": proto("accord.police.v1", f"message A {{ string who = 1 {MARK}; bytes digest = 2; uint32 n = 3 {MARK}; }}"),
        "proto/accord/broker/v1/b.proto": proto("accord.broker.v1", "message B { string page_token = 1; uint32 n = 2; }")}),
    Case("text of an agency", {"proto/accord/police/v1/p.proto": proto("accord.police.v1", "message A { string who = 1; }")},
         "A.who is said of a person"),
    Case("a number of an agency", {"proto/accord/idva/v1/p.proto": proto("accord.idva.v1", "message A { uint32 score = 1; }")},
         "A.score is said of a person"),
    Case("a new text at the broker", {"proto/accord/broker/v1/b.proto": proto("accord.broker.v1", "message B { string remark = 1; }")},
         "B.remark states no sensitivity"),
    Case("a new time in storage", {"proto/accord/storage/v1/b.proto": proto("accord.storage.v1", "message B { int64 born_ms = 1; }")},
         "B.born_ms states no sensitivity"),
    Case("a coded fact", VOCABULARY | {"proto/accord/agency/v1/a.proto": proto(
        "accord.agency.v1", 'import "accord/type/v1/vocabulary.proto";\nmessage A { accord.type.v1.RiskGrade grade = 1; }')},
         "A.grade is a coded fact"),
    Case("a code of a service's own", VOCABULARY | {"proto/accord/admin/v1/a.proto": proto(
        "accord.admin.v1", 'import "accord/type/v1/vocabulary.proto";\n'
        "message SupportOffer { repeated accord.type.v1.RiskGrade grades = 1 [(accord.options.v1.sensitivity) = SENSITIVITY_CODED]; }")}),
    Case("content the broker could read", {
        "proto/accord/broker/v1/b.proto": proto("accord.broker.v1", 'import "accord/type/v1/t.proto";\nmessage B { accord.type.v1.T t = 1; }'),
        "proto/accord/type/v1/t.proto": proto("accord.type.v1", f"message T {{ string story = 1 {MARK}; }}")},
         "accord.broker.v1.B → t → story"),
]
