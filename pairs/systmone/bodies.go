package systmone

import (
	"github.com/linkspan/linkspan/record"
)

func reportLines(l *lines, p *record.Report, native bool) {
	if !native {
		l.add("Report type", p.Type)
		l.add("Result", p.Result)
		l.date("Collected", p.Collected)
		l.date("Issued", p.Issued)
		for _, c := range p.Comments {
			l.add("Comments", c)
		}
		for _, f := range p.FollowUp {
			l.add("Follow-up", f)
		}
	} else {
		l.coarse("Collected", p.Collected)
		l.coarse("Issued", p.Issued)
	}
	l.date("Received", p.Received)
	l.add("Report status", wordsOf(p.Status))
	l.add("Specimen", p.Specimen)
	l.add("Provider", p.Provider)
	l.add("Abnormal", p.Abnormal)
}

func immunisationLines(l *lines, e *record.Entry, native bool) {
	v := e.Immunisation
	if v.NotGiven {
		*l = append(*l, "NOT GIVEN. Does not mean never given.")
	}
	if v.Name != e.Text {
		l.add("Vaccine", v.Name)
	}
	if !native {
		l.add("Part", wordsOf(v.Part))
		l.add("Contents", v.Contents)
		l.add("Batch", v.Batch)
		l.add("Dose", v.Dose)
		l.add("Notes", v.Notes)
	}
	l.add("Manufacturer", v.Manufacturer)
	l.add("Site", v.Site)
	l.add("Route", v.Route)
	l.add("Method", v.Method)
	l.add("Expires", v.Expiry)
	l.add("Reason", v.Reason)
}

func diaryLines(l *lines, e *record.Entry, native bool) {
	y := e.Diary
	if !native {
		*l = append(*l, "Due: "+e.Date.Words())
		l.add("Status", wordsOf(y.Status))
	} else {
		l.coarse("Due", e.Date)
	}
	if y.Type != e.Text {
		l.add("Type", y.Type)
	}
	l.add("Duration", y.Duration)
	l.add("Place", y.Place)
	for _, r := range y.Reminders {
		l.add("Reminder", r)
	}
}

func referralLines(l *lines, r *record.Referral) {
	*l = append(*l, "Record of a request; progress not known")
	l.add("From", r.From)
	l.add("To", r.To)
	l.add("To person", r.ToPerson)
	l.add("Specialty", r.Specialty)
	l.add("Request", wordsOf(r.Request))
	l.add("Priority", wordsOf(r.Urgency))
	l.add("Mode", wordsOf(r.Mode))
	l.add("Transport", wordsOf(r.Transport))
	l.add("Direction", wordsOf(r.Direction))
	l.add("Reason", r.Reason)
	l.add("Reference", r.Reference)
	l.add("NHS or private", wordsOf(r.Private))
	for _, q := range r.Details {
		l.add(q.Name, q.Value)
	}
	l.date("Ended", r.Ended)
}

func documentLines(l *lines, e *record.Entry, native bool) {
	f := e.Document
	letter, attachment := native && asLetter(e), native && !asLetter(e)
	if !attachment {
		if f.Name != e.Text {
			l.add("File", f.Name)
		}
		l.add("Size", f.Size)
		l.add("Comments", f.Comments)
		l.add("Location", f.Locator)
	}
	if attachment && locatorSlot(f.Locator) == "" {
		l.add("Location", f.Locator)
	}
	if !letter {
		l.add("Document type", f.Type)
		l.add("Sender", f.Sender)
		l.add("Recipient", f.Recipient)
		l.add("Direction", f.Direction)
	}
	if f.Title != e.Text && f.Title != f.Name {
		l.add("Title", f.Title)
	}
	l.add("Content type", f.MIME)
	if f.Deleted {
		*l = append(*l, "This document is marked as deleted at source")
	}
}
