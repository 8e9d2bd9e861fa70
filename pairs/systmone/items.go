package systmone

import (
	"strings"

	"github.com/linkspan/linkspan/record"
)

// vaccination reads a Vaccination. It has a name and no code (S §1.4). The
// list of parts is known only in part and is the site's to extend, so any
// value is taken.
func (d *decoder) vaccination() *record.Entry {
	e := d.entry(record.KindImmunisation, pathVaccination)
	d.attributes(e)
	v := &record.Immunisation{}
	e.Immunisation = v
	var part string
	for name := range d.r.Children("") {
		switch name {
		case "Name":
			d.token(e, &v.Name)
		case "Contents":
			d.text(e, &v.Contents)
		case "BatchNumber":
			d.token(e, &v.Batch)
		case "Notes":
			d.text(e, &v.Notes)
		case "PartType":
			d.token(e, &part)
		case "Dosage":
			d.text(e, &v.Dose)
		case "LinkedProblemUID":
			d.link(e)
		default:
			d.unrecognised(e)
		}
	}
	e.Text = v.Name
	if part != "" {
		v.Part.Scheme, v.Part.Value, v.Part.Term = schemeVaccinationPart, part, part
		if !v.Part.Valid() {
			v.Part.Scheme, v.Part.Value, v.Part.Term = "", "", ""
			e.Notes = append(e.Notes, "Part as recorded: "+part)
		}
	}
	return e
}

// report reads a Report. Its results are ClinicalCodes beside it, and nothing
// says which (S §1.4), so none is made its part.
func (d *decoder) report() *record.Entry {
	e := d.entry(record.KindReport, pathReport)
	d.attributes(e)
	p := &record.Report{}
	e.Report = p
	for name := range d.r.Children("") {
		switch name {
		case "BatteryHeaders":
			if d.repeated(e) {
				continue
			}
			if e.Text = d.r.Text(); d.r.Mixed() {
				e.Text = d.r.WordsAndAttributes()
			}
		case "IssueDate":
			d.date(e, "Issue date", &p.Issued)
		case "Result":
			d.token(e, &p.Result)
		case "Comments":
			var s string
			if d.text(e, &s); s != "" {
				p.Comments = append(p.Comments, s)
			}
		case "PatientToBeInformed":
			d.comment(e, labelInform)
		case "CollectionDate":
			d.date(e, "Collection date", &p.Collected)
		case "Type":
			d.token(e, &p.Type)
		case "FollowUpActions":
			if !d.repeated(e) {
				d.followUp(e)
			}
		case "LinkedProblemUID":
			d.link(e)
		default:
			d.unrecognised(e)
		}
	}
	if e.Text == "" {
		e.Text = p.Type
	}
	return e
}

// followUp reads FollowUpAction, the action on the first line and its comments
// after it.
func (d *decoder) followUp(e *record.Entry) {
	for name := range d.r.Children("") {
		if name != "FollowUpAction" {
			d.unrecognised(e)
			continue
		}
		var action, comments string
		for name := range d.r.Children("") {
			switch name {
			case "Action":
				d.token(e, &action)
			case "Comments":
				d.text(e, &comments)
			default:
				d.unrecognised(e)
			}
		}
		if comments != "" {
			action += "\n" + comments
		}
		e.Report.FollowUp = append(e.Report.FollowUp, action)
	}
}

// recall reads a Recall; its date is when it is due.
func (d *decoder) recall() *record.Entry {
	e := d.entry(record.KindDiary, pathRecall)
	d.attributes(e)
	y := &record.DiaryBody{}
	e.Diary = y
	for name := range d.r.Children("") {
		switch name {
		case "RecallDate":
			d.date(e, "Recall date", &e.Date)
		case "Type":
			d.token(e, &y.Type)
		case "Status":
			d.choose(e, "Status", schemeRecallStatus, recallStatuses, &y.Status)
		case "FreeText":
			d.comment(e, "")
		case "Comments":
			d.comment(e, labelComment)
		case "LinkedProblemUID":
			d.link(e)
		default:
			d.unrecognised(e)
		}
	}
	e.Text = y.Type
	return e
}

// narrative reads a Narrative, one line of text to each Line.
func (d *decoder) narrative() *record.Entry {
	e := d.entry(record.KindNote, pathNarrative)
	d.attributes(e)
	var lines []string
	for name := range d.r.Children("") {
		switch name {
		case "Line":
			d.attributes(e)
			s := d.r.Text()
			if d.r.Mixed() {
				d.unrecognised(e)
			}
			lines = append(lines, s)
		case "LinkedProblemUID":
			d.link(e)
		default:
			d.unrecognised(e)
		}
	}
	e.Text = strings.Join(lines, "\n")
	return e
}

// attachment reads an Attachment: a reference, for the document stays in the
// unit that holds it.
func (d *decoder) attachment() *record.Entry {
	e := d.entry(record.KindDocument, pathAttachment)
	d.attributes(e)
	f := &record.Document{}
	e.Document = f
	var uid, path, url string
	for name := range d.r.Children("") {
		switch name {
		case "FileName":
			d.token(e, &f.Name)
		case "FileSize":
			d.token(e, &f.Size)
		case "DocumentUID":
			d.token(e, &uid)
		case "Comments":
			d.text(e, &f.Comments)
		case "DocumentPath":
			d.token(e, &path)
		case "URL":
			d.token(e, &url)
		case "LinkedProblemUID":
			d.link(e)
		default:
			d.unrecognised(e)
		}
	}
	d.identify(e, uid)
	f.Locator = path
	if path == "" {
		f.Locator = url
	} else if url != "" {
		e.Texts = append(e.Texts, record.Text{Label: "URL", Value: url})
	}
	if e.Text = f.Name; e.Text == "" {
		e.Text = "Attachment"
	}
	return e
}

// letter reads a Letter. The names of the elements for its two ends are not
// published in full; what is not Sender or Recipient stays as words.
func (d *decoder) letter() *record.Entry {
	e := d.entry(record.KindDocument, pathLetter)
	d.attributes(e)
	f := &record.Document{}
	e.Document = f
	for name := range d.r.Children("") {
		switch name {
		case "Sender":
			d.token(e, &f.Sender)
		case "Recipient":
			d.token(e, &f.Recipient)
		case "Type":
			d.token(e, &f.Type)
		case "Direction":
			d.token(e, &f.Direction)
		case "LinkedProblemUID":
			d.link(e)
		default:
			d.unrecognised(e)
		}
	}
	if e.Text = f.Type; e.Text == "" {
		e.Text = "Letter"
	}
	return e
}

// The labels of a Task, which are SystmOne's own names of its fields.
const (
	taskText    = "Task"
	taskType    = "TaskType"
	taskStatus  = "Status"
	taskContent = "Content"
)

// task reads a Task, which real records hold (S §1.4, §1.5).
func (d *decoder) task() *record.Entry {
	e := d.entry(record.KindAdministration, pathTask)
	d.attributes(e)
	e.Text = taskText
	var uid string
	for name := range d.r.Children("") {
		switch name {
		case "TaskUID":
			d.token(e, &uid)
		case "DateTime":
			if d.repeated(e) {
				continue
			}
			e.Date = d.eventTime(e, trim(d.r.Text()))
		case taskType, taskStatus, taskContent:
			d.comment(e, name)
		default:
			d.unrecognised(e)
		}
	}
	d.identify(e, uid)
	return e
}
