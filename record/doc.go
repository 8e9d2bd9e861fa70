// Package record is the small clinical record that crosses the link: a
// request, a response, a record with its sections and entries, and the values
// in them that can hurt if they are changed.
//
// It is the shape two systems share between decoding and encoding, and nothing
// more: it has no wire form, is never stored, published, cached or logged
// (DESIGN.md decision 9), and knows no system. A code in it keeps the scheme
// of the system that sent it until the pair's tables have carried it over.
package record
