// Package governance decides whether this person may see this record now: the
// sharing agreement, who asks, which sections are shared, which entries are
// withheld. It never translates a code and never changes words. It keeps
// nothing of any request: each is judged by itself.
//
// # A request
//
// An exchange asks, in this order:
//
//	Agreement.Decide   before anybody else is asked: link, organisations,
//	                   direction, sections, user, role, purpose, relationship,
//	                   consent or break-glass (safety IG-01)
//	Agreement.Target   whom to ask
//	Agreement.Relate   once the asker's own copy of the patient is there
//	Agreement.Prove    once both copies have been compared
//	Agreement.Admit    how the patient stands with the holder, and their dissent
//	Agreement.Withhold on the record as it was decoded, before translation
//
// Each refuses with a *record.Error. What is not said is not allowed: the zero
// Agreement, Side and Decision show nothing.
//
// # The file
//
// An agreement is one JSON object. docs/agreement.md describes each setting with
// its default and its source, for those who write one. In short:
//
//	economy, pair      which link this is
//	enabled            side to the controller who enabled it
//	until              the last day, YYYY-MM-DD
//	sides              two, by the name of the system; each a Side:
//	  organisations    [{ods, name}]
//	  asks             true or false
//	  shares           names of sections, "summary", "all"
//	  switched_off     [{what, by, on, why}]
//	  release_marks    confidentiality marks that may cross
//	  exclusions       file of codes that may not; see Exclusions
//	  claims           name of the claim to {from, asserted}; see Claim
//	  roles            activity or role code to {sections, actions}
//	  generic_users    names that are no person's
//	  break_glass      true or false
//	  identity         "demographics" or "number"
//	  own_copy         "read" or "none"
//	  deceased_days    a number
//	  standing_required true or false
//	  temporary        "hidden" or "shown"
//	  refusals         "hidden" or "shown"
//	approvers          [{key, role}] of mapping tables
//
// Names are exact, none may stand twice, and every fault is reported with its
// path.
package governance
