// Package xmlio is the one way XML comes into Linkspan and the one way it
// goes out.
//
// # Reading
//
// A Reader is a guarded pull reader for one whole document held in memory.
// It is its own scanner, not a wrapper around encoding/xml, because that
// package accepts much that is not XML or that two readers may understand
// differently: repeated attributes, undeclared prefixes, several roots,
// rubbish after the root, a document type, any depth (safety §2.6, SE-08).
// The Reader accepts XML 1.0 (fifth edition names) with Namespaces 1.0, less
// the parts a clinical message has no use for, and so accepts none of the
// documents that the W3C conformance suite calls not well-formed:
//
//   - A name with a character beyond U+FFFF is refused (FaultNotWellFormed),
//     because the editions of XML 1.0 disagree about it.
//   - A document type declaration is always refused (FaultDoctype), so there
//     are no entities beside the five predefined ones and character
//     references, no default attributes and no external fetches.
//   - A processing instruction is always refused (FaultNotWellFormed). The
//     XML declaration is the one exception; it comes first, it is strict, and
//     its version is 1.0. An unquoted declaration is refused.
//   - The limits of Limits are enforced before memory is spent on what
//     exceeds them.
//   - Character sets are an explicit list: UTF-8, US-ASCII, ISO-8859-1,
//     windows-1252 and UTF-16. What the transport, a byte order mark and the
//     declaration say about it must agree.
//
// A byte order mark is accepted, and so is white space before a document that
// has no declaration. A comment inside text is not part of the text and does
// not divide it, as XML says: "am<!-- x -->oxicillin" reads "amoxicillin".
//
// The Reader stands on one element at a time. Open stands on the root;
// Children visits the children of the current element, and loops nest:
//
//	r, err := xmlio.Open(ctx, document, xmlio.Options{})
//	if err != nil {
//		return err
//	}
//	for name := range r.Children(namespace) {
//		switch name {
//		case "patient":
//			readPatient(r) // may loop over r.Children again
//		default:
//			unrecognised(r.Path(), r.Words())
//		}
//	}
//	return r.Close()
//
// Nothing is known to be whole before Close has returned nil: a document that
// is cut, or that goes wrong on its last line, reads well until there. What a
// caller does not look at is still checked, and still counted.
//
// Options.Count counts entries from the bytes, by declared paths, without the
// codec having any part in it; the conservation check of a translation rests
// on those counts.
//
// # Writing
//
// A Writer appends XML to a byte slice: elements in the order they are
// written, text escaped, characters that XML cannot carry replaced and
// counted.
//
// # What it is not
//
// It is no tree, no binding to structures, no schema validator and no
// canonicaliser. It does no input or output, keeps no state between documents
// and imports nothing of Linkspan. It does not decompress: Limits.Ratio is
// carried for whoever does.
package xmlio
