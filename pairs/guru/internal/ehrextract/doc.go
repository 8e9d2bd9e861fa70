// Package ehrextract is the GP2GP EhrExtract, RCMR_IN030000UK06, to and from the
// record (S §6.1). It is the document alone: who is asked and how belongs to
// pairs/guru.
//
// It is pure: no network, clock, random source or state. It reads what EMIS Web
// and SystmOne write into the format as well as what it writes itself; what of
// the format is not carried stands in README.md.
package ehrextract
