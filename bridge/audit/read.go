package audit

import (
	"encoding/json"
	"io"
	"strconv"
)

// Verify proves the whole log of an instance and returns its last receipt. The
// first bad record is named by a *Damage. It may run while the log is written:
// a last line without its end counts as not there yet.
func Verify(dir, instance string) (Receipt, error) {
	return Read(dir, instance, nil)
}

// VerifyTo is Verify, and proves besides that the log still holds the record of
// a receipt that was kept elsewhere: a log cut back to before it is whole in
// itself and found out only so.
func VerifyTo(dir, instance string, kept Receipt) (Receipt, error) {
	found := kept.Seq == 0
	last, err := walkLog(dir, instance, func(r Receipt, _ []byte) error {
		if r.Seq == kept.Seq && r.Hash != kept.Hash {
			return &Damage{Instance: instance, Seq: r.Seq, Offset: -1, Fault: "not the record of the receipt: the log was written anew"}
		}
		found = found || r.Seq == kept.Seq
		return nil
	})
	if err == nil && !found {
		err = &Damage{Instance: instance, Seq: last.Seq + 1, Offset: -1, Fault: "missing: the receipt is of record " + strconv.FormatUint(kept.Seq, 10)}
	}
	return last, err
}

// Read proves the log like Verify and calls each with every record in order,
// until it returns an error.
func Read(dir, instance string, each func(Receipt, Entry) error) (Receipt, error) {
	if each == nil {
		return walkLog(dir, instance, func(Receipt, []byte) error { return nil })
	}
	return walkLog(dir, instance, func(r Receipt, body []byte) error {
		var e Entry
		if err := json.Unmarshal(body, &e); err != nil {
			return &Damage{Instance: instance, Seq: r.Seq, Offset: -1, Fault: "its entry cannot be read"}
		}
		return each(r, e)
	})
}

func walkLog(dir, instance string, each func(Receipt, []byte) error) (Receipt, error) {
	p, err := openParts(dir, instance)
	if err != nil {
		return Receipt{}, err
	}
	defer p.close()
	at, err := p.start(instance)
	if err != nil {
		return Receipt{}, err
	}
	last, _, err := walk(io.NewSectionReader(p, 0, p.size()), instance, at.last, 0, func(r Receipt, line, body []byte) error {
		at.tree.add(leafHash(line), nil)
		return each(r, body)
	})
	last.TreeHead = at.tree.head().String()
	return last, p.located(err)
}
