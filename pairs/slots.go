package pairs

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// slots carries every enumerated value of an entry. A value without a place at
// the receiver becomes a line of words; a narrower row fills the slot and the
// original stands beside it, except where a nuance changes what is done.
func (t *translation) slots(e *record.Entry) {
	if c := e.Consultation; c != nil {
		for i := range c.Items { // a heading that finds no place is still read
			if item := &c.Items[i]; item.Words == "" && !item.Heading.IsZero() {
				item.Words = t.words(item.Heading)
			}
		}
	}
	e.EachSlot(func(slot record.Slot, c *mapping.Code) {
		res := mapping.Result{Answer: mapping.Unmapped}
		if to, has := t.Consumer.Enumerations[slot]; has {
			res = t.Tables.Translate(*c, to)
		}
		words := t.words(*c)
		switch {
		case res.Answer == mapping.Same:
			return
		case res.Answer == mapping.Mapped && res.Relation == mapping.Equivalent:
			if slot == record.SlotComparator || words == "" {
				*c = res.Code()
				return
			}
			*c = res.Target
			c.Term = words // where it is shown as text, in the source's own words
			return
		case res.Answer == mapping.Mapped && res.Relation == mapping.Narrower && !strictSlot(slot):
			*c = res.Code()
		default:
			*c = mapping.Code{}
			if res.Row().Reason == nothingToSay {
				return
			}
			if slot == record.SlotComparator {
				unreadable(e.Value, words)
			}
		}
		if slot == record.SlotHeading || slot == record.SlotComparator || words == "" {
			return
		}
		e.Notes = append(e.Notes, slotLabel(slot)+": "+words)
	})
}

// unreadable keeps a result whose comparator has no place at the receiver as
// it was written: the number alone would be read as equal.
func unreadable(v *record.Value, comparator string) {
	if v.Unreadable == "" {
		v.Unreadable = strings.Join(strings.Fields(comparator+" "+v.Number+" "+v.Unit), " ")
	}
	v.Number = ""
}

// nothingToSay is the reason of a no-map row for a value that states nothing,
// such as an episodicity of none, or a comparator that says a number is what
// it is.
const nothingToSay = "states nothing"

// words are the source's own for an enumerated value.
func (t *translation) words(c mapping.Code) string {
	if c.Term != "" {
		return c.Term
	}
	return t.Tables.Words(c)
}

// strictSlot names the slots only an equivalent row may fill: status,
// certainty and allergy (DESIGN.md decision 5), and the comparator, which is
// part of a number.
func strictSlot(s record.Slot) bool {
	switch s {
	case record.SlotProblemStatus, record.SlotDrugStatus, record.SlotDiaryStatus, record.SlotResultStatus,
		record.SlotAllergyType, record.SlotComparator, record.SlotAbnormal:
		return true
	}
	return false
}

// slotLabel is the label a clinician reads before the words of a slot.
func slotLabel(s record.Slot) string {
	words := strings.ReplaceAll(string(s), "-", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}
