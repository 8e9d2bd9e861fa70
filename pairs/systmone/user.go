package systmone

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const (
	opEncodeUser = "systmone: encode user request"
	opDecodeUser = "systmone: decode user"

	userFunction = "GetOrganisationMetaData"
)

// codec implements system.UserReader: no message of SystmOne's names who asks.
var _ system.UserReader = (*codec)(nil)

// EncodeUserRequest asks SystmOne who is logged on: GetOrganisationMetaData with
// LoggedOnUserOnly (S §1.3). It is about no patient.
func (c *codec) EncodeUserRequest(id system.MessageID) ([]byte, error) {
	w := c.open(id, userFunction)
	w.Start("FunctionParameters")
	w.Empty("LoggedOnUserOnly")
	w.End()
	w.End()
	if err := w.Err(); err != nil {
		return nil, record.Fault(record.ReasonInternal, opEncodeUser, err)
	}
	return w.Bytes(), nil
}

// DecodeUser reads the answer. The user is the one whom SystmOne marks with
// CurrentUser, and no other: a list of users of whom none is marked, or
// several are, says nobody. An ErrorMessage is ReasonRefused, or ReasonBusy
// where PermanentError says to ask again; anything else that leaves the user
// open is ReasonBadAnswer.
func (c *codec) DecodeUser(ctx context.Context, msg []byte) (record.Requester, error) {
	r, err := xmlio.Open(ctx, msg, xmlio.Options{Limits: c.limits})
	if err != nil {
		return record.Requester{}, record.Fault(record.ReasonBadAnswer, opDecodeUser, err)
	}
	if r.Name() != (xmlio.Name{Local: responseRoot}) {
		return record.Requester{}, fault(record.ReasonBadAnswer, opDecodeUser, r, "the root is not "+responseRoot)
	}
	d := &userReader{r: r}
	d.envelope()
	if err := r.Close(); err != nil {
		return record.Requester{}, record.Fault(record.ReasonBadAnswer, opDecodeUser, err)
	}
	if d.err != nil {
		return record.Requester{}, d.err
	}
	return d.settle()
}

// userReader reads the answer to GetOrganisationMetaData (S §1.3).
type userReader struct {
	r   *xmlio.Reader
	err error

	function, permanent string
	responses           int
	failing             bool
	current             []record.Requester // the users marked as logged on
	sites               []string           // ids of the sites marked as current
}

func (d *userReader) fail(why string) {
	if d.err == nil {
		d.err = fault(record.ReasonBadAnswer, opDecodeUser, d.r, why)
	}
}

// value reads a single-valued element.
func (d *userReader) value() string {
	if d.r.Repeated() {
		d.fail("repeated element")
	}
	s := trim(d.r.Text())
	if d.r.Mixed() {
		d.fail("elements where a value was expected")
	}
	return s
}

// mark reads an element that says yes by being there, unless it says no. A
// word that is neither leaves open who is meant.
func (d *userReader) mark() bool {
	switch d.value() {
	case "", "true", "1":
		return true
	case "false", "0":
	default:
		d.fail("neither yes nor no")
	}
	return false
}

func (d *userReader) envelope() {
	for name := range d.r.Children("") {
		switch name {
		case "Function":
			d.function = d.value()
		case "Response":
			if d.responses++; d.responses > 1 {
				d.fail("repeated element")
			}
			d.response()
		}
	}
}

func (d *userReader) response() {
	for name := range d.r.Children("") {
		switch name {
		case "User":
			d.user()
		case "Site":
			d.site()
		case "ErrorMessage":
			d.failing = true
		case "PermanentError":
			d.failing = true
			d.permanent = d.value()
		}
	}
}

func (d *userReader) user() {
	var u record.Requester
	var names [4]string
	var role string
	current := false
	for name := range d.r.Children("") {
		switch name {
		case "UserName":
			u.User = d.value()
		case "Title":
			names[0] = d.value()
		case "FirstName":
			names[1] = d.value()
		case "MiddleNames":
			names[2] = d.value()
		case "Surname":
			names[3] = d.value()
		case "Role":
			role = d.value()
		case "RoleCode":
			u.Role = d.value()
		case "AccessRights":
			u.Activities = d.accessRights()
		case "CurrentUser":
			current = d.mark()
		}
	}
	if !current {
		return
	}
	if u.User == "" {
		d.fail("the current user has no UserName")
	}
	u.Role = cmp.Or(u.Role, role)
	u.UserName = strings.Join(slices.DeleteFunc(names[:], func(s string) bool { return s == "" }), " ")
	d.current = append(d.current, u)
}

// accessRights are those rights that are national activity codes, a B and four
// digits (safety §2.2). What else SystmOne lists is its own and vouches for
// nothing here.
func (d *userReader) accessRights() []string {
	if d.r.Repeated() {
		d.fail("repeated element")
	}
	var codes []string
	for name := range d.r.Children("") {
		if name != "Access" {
			continue
		}
		if code := trim(d.r.Text()); activity(code) && !d.r.Mixed() && !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	return codes
}

func activity(s string) bool {
	return len(s) == 5 && s[0] == 'B' && strings.Trim(s[1:], "1234567890") == ""
}

func (d *userReader) site() {
	id, current := "", false
	for name := range d.r.Children("") {
		switch name {
		case "ID":
			id = d.value()
		case "CurrentSite":
			current = d.mark()
		}
	}
	if current {
		d.sites = append(d.sites, id)
	}
}

// settle judges the answer as a whole. The organisation is the current site's
// ID where that has the form of a practice's ODS code: that it is one is
// stated nowhere, so anything else is left to the agreement.
func (d *userReader) settle() (record.Requester, error) {
	refuse := func(reason record.Reason, why string) (record.Requester, error) {
		return record.Requester{}, &record.Error{Reason: reason, Op: opDecodeUser, Err: errors.New(why)}
	}
	switch {
	case d.responses == 0:
		return refuse(record.ReasonBadAnswer, "no Response")
	case d.failing && d.permanent == "false":
		return refuse(record.ReasonBusy, "SystmOne did not say who is logged on; it may later")
	case d.failing:
		return refuse(record.ReasonRefused, "SystmOne did not say who is logged on")
	case d.function != userFunction:
		return refuse(record.ReasonBadAnswer, "the answer to another function")
	case len(d.current) == 0:
		return refuse(record.ReasonBadAnswer, "no user is marked as logged on")
	case len(d.current) > 1:
		return refuse(record.ReasonBadAnswer, "several users are marked as logged on")
	}
	u := d.current[0]
	if len(d.sites) == 1 && practiceCode(d.sites[0]) {
		u.Organisation = d.sites[0]
	}
	return u, nil
}

// practiceCode reports the form of a general practice's ODS code, a letter and
// five digits.
func practiceCode(s string) bool {
	return len(s) == 6 && s[0] >= 'A' && s[0] <= 'Z' && strings.Trim(s[1:], "1234567890") == ""
}
