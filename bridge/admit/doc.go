// Package admit is what the one edge that owns a native endpoint remembers
// about those who ask there: which messages it has taken, and how much each
// user and each organisation has asked for. It decides nothing about patients,
// consent or roles (package governance does) and never answers anybody: its
// refusals travel with the request to the exchange role, which audits them and
// answers natively.
//
// # Replay (safety SE-11, T-09)
//
// A message that carries an id of its own is taken once in 24 h. The id is
// EMIS's ITK tracking id or WS-Addressing MessageID (E §4) and SystmOne's
// RequestUID (S §1.2), which their senders make up anew for every message; the
// codec reads it. A second message with the id is refused whether or not its
// bytes are the same: the same bytes are a repetition, other bytes are an id
// used twice, and neither can be told from somebody sending again what they
// captured. Case and the white space around an id make no difference.
//
// A message without an id is not checked. The same clinician may rightly ask
// for the same patient twice within a minute, in the same bytes, and a refusal
// of that would withhold a record somebody needs. Such messages still count
// towards the rates.
//
// A message that is refused here is not remembered: its sender may send it
// again once the hour has passed.
//
// # Rates and look-ups (safety T-06, T-07, T-11)
//
// Per user of an organisation, and per organisation, within any hour: a record
// beyond the expected number is an event; a request beyond the hard rate is
// refused; a look-up that found no patient beyond the budget is an event, and
// every request after it is refused until the hour has passed. Requests in hand
// count as look-ups that may yet fail, so that sending many at once buys
// nothing. An answer that the patient's details do not match counts as one that
// found nobody, for it too tells an enumerator something.
//
// # The memory on disk
//
// One file, readable by its owner only, of fixed-size records, each of them
// durable (fsync) before the request it stands for goes on; so neither a restart
// nor kill -9 nor a power cut forgets a message that was taken, and the rates
// survive as well. It holds times and keyed hashes (HMAC-SHA-256 under a key
// drawn when the file is made, and kept at its beginning): no id, no user, no
// byte of a message. What is older than it matters is left behind when the file
// has grown to twice what was in it.
//
// What cannot be read or written fails closed. Open refuses a file with a record
// that is not as it was written; only a record that was being written when the
// machine stopped, and so was never acknowledged, is dropped. While the file
// cannot be written every request is refused, and the gate mends itself with the
// first one after that. When as many messages as Options.Remembered were taken
// within 24 h, more are refused rather than the oldest forgotten.
//
// What it cannot see: a file that was put back from an older copy, or taken
// away; a clock that was set forward by a day, which has forgotten the day
// before; and a captured body in an envelope with a new id, since EMIS's
// signature covers the body alone (E §4): that the link's mutual TLS must prevent.
package admit
