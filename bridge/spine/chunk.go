package spine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/linkspan/linkspan/record"
)

// send answers with data in one message, or in chunks where it is longer than
// maxPayload, which counts headers too. Every chunk states the count, its place,
// the length and the hash of the whole; the first also carries header.
func send(respond func(data []byte, h nats.Header) error, maxPayload int64, longest int, header nats.Header, data []byte) error {
	if int64(headerBytes(header)+len(data)) <= maxPayload {
		return respond(data, header)
	}
	sum := sha256.Sum256(data)
	place := nats.Header{HeaderSize: {strconv.Itoa(len(data))}, HeaderSHA256: {hex.EncodeToString(sum[:])},
		HeaderChunk: {fmt.Sprintf("%d/%d", len(data), len(data))}} // the longest it can be
	first := maps.Clone(place)
	maps.Copy(first, header)
	room := min(maxPayload-int64(headerBytes(first)), int64(longest))
	if room <= 0 {
		return fault(record.ReasonTooLarge, "respond", fmt.Errorf("the connection takes only %d bytes", maxPayload))
	}
	count := (len(data) + int(room) - 1) / int(room)
	for i := range count {
		h := maps.Clone(place)
		if i == 0 {
			h = first
		}
		h[HeaderChunk] = []string{fmt.Sprintf("%d/%d", i+1, count)}
		if err := respond(data[i*int(room):min((i+1)*int(room), len(data))], h); err != nil {
			return err
		}
	}
	return nil
}

// headerBytes is the length of a header on the wire.
func headerBytes(h nats.Header) int {
	if len(h) == 0 {
		return 0
	}
	n := len("NATS/1.0\r\n\r\n")
	for name, values := range h {
		for _, value := range values {
			n += len(name) + len(": ") + len(value) + len("\r\n")
		}
	}
	return n
}

// gather reads one whole answer of at most limit bytes from next. One sender's
// messages arrive in order and once (NATS core), so a chunk out of its place
// means one was lost or a second sender answered: refused at once rather than
// waited for. An error answer ends the gathering wherever it stands.
func gather(next func() (*nats.Msg, error), limit int) (nats.Header, []byte, error) {
	first, err := next()
	if err != nil {
		return nil, nil, err
	}
	if isError(first.Header) || first.Header.Get(HeaderChunk) == "" {
		if len(first.Data) > limit {
			return nil, nil, tooLong(limit)
		}
		return first.Header, first.Data, nil
	}
	whole, err := parsePlace(first.Header)
	if err != nil {
		return nil, nil, err
	}
	if whole.size > limit {
		return nil, nil, tooLong(limit)
	}
	data := make([]byte, 0, whole.size)
	for msg, at := first, whole; ; {
		if at != whole || len(msg.Data) == 0 || len(data)+len(msg.Data) > whole.size {
			return nil, nil, fault(record.ReasonBadAnswer, "gather", fmt.Errorf("chunk %d of %d is lost, repeated or not of this answer", whole.index, whole.count))
		}
		data = append(data, msg.Data...)
		if whole.index == whole.count {
			break
		}
		if msg, err = next(); err != nil {
			return nil, nil, err
		}
		if isError(msg.Header) {
			return msg.Header, msg.Data, nil
		}
		whole.index++
		if at, err = parsePlace(msg.Header); err != nil {
			return nil, nil, err
		}
	}
	if len(data) != whole.size || sha256.Sum256(data) != whole.sum {
		return nil, nil, fault(record.ReasonBadAnswer, "gather", errors.New("the chunks do not make the whole they state"))
	}
	return first.Header, data, nil
}

// place is where a chunk stands.
type place struct {
	index, count, size int
	sum                [sha256.Size]byte
}

func parsePlace(h nats.Header) (place, error) {
	var p place
	index, count, found := strings.Cut(h.Get(HeaderChunk), "/")
	sum, err := hex.DecodeString(h.Get(HeaderSHA256))
	var errs [3]error
	p.index, errs[0] = strconv.Atoi(index)
	p.count, errs[1] = strconv.Atoi(count)
	p.size, errs[2] = strconv.Atoi(h.Get(HeaderSize))
	if !found || err != nil || errors.Join(errs[:]...) != nil || len(sum) != len(p.sum) ||
		p.index < 1 || p.count < p.index || p.size < p.count {
		return place{}, fault(record.ReasonBadAnswer, "gather", errors.New("a chunk's headers cannot be read"))
	}
	copy(p.sum[:], sum)
	return p, nil
}

func isError(h nats.Header) bool {
	return h.Get(micro.ErrorCodeHeader) != "" || h.Get(micro.ErrorHeader) != ""
}

func tooLong(limit int) error {
	return fault(record.ReasonTooLarge, "gather", fmt.Errorf("the answer is longer than %d bytes", limit))
}
