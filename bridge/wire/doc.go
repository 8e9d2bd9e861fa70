// Package wire carries native messages: one request and its answer over HTTP, or
// XML documents over a TCP stream. It is generic over the system.Wire a system
// declares and knows nothing of any system's messages: it neither reads nor
// writes an element, and it never logs or reports a byte of one.
//
// A Listener hands each message to a Handler and sends what the handler
// answers. A Client sends one message and returns the answer's bytes, or a
// *record.Error that says why there is none.
//
// # Messages with a head
//
// On a wire with system.Wire.Head a message is a whole HTTP message: the start
// line, the named header fields, Content-Length, a blank line and the body. The
// client sends what it says and returns the answer in the same shape; the
// listener takes any method and path. Only the named fields go either way, each
// at most once. A line that somebody folded is one line here (RFC 9112 §5.2).
//
// # Documents on a TCP stream
//
// A document ends where its root element ends (S §1.1). What is sent is the
// document and the wire's terminator. What is received is cut by depth, so a
// missing newline, newlines inside, CRLF, a byte order mark and several
// documents in one packet make no difference; white space, NUL and the literal
// <EOF> between documents are passed over. The cutting judges as little as it
// can: whether a document is well-formed is the guarded reader's business
// (package xmlio). Bytes that cannot become a document still reach the handler,
// so that the asker gets an error in its own format.
//
// A Client opens one connection for one exchange and has one exchange in flight
// for one endpoint. Keeping a connection would save under a millisecond at an
// endpoint that accepts one request a second, and would need a proof that bytes
// of an earlier, late answer can never be taken for the next patient's. Here
// they cannot: they arrive on a closed socket.
package wire
