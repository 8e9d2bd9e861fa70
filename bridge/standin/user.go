package standin

import (
	"errors"

	"github.com/beevik/etree"
)

// User is a user of SystmOne as GetOrganisationMetaData describes one (S
// §1.3). An empty field leaves its element out.
type User struct {
	UserName   string
	Title      string
	FirstName  string
	Surname    string
	Role       string   // words
	RoleCode   string   // national role code
	Activities []string // what stands in AccessRights
	Site       string   // ID of the site the user is at
	// NotLoggedOn answers with nobody at all, Twice with a second user who is
	// logged on too.
	NotLoggedOn, Twice bool
}

// usual is the invented GP of Options.User nil.
var usual = User{UserName: "hpenrose", Title: "Dr", FirstName: "Hester", Surname: "Penrose", Role: "General Medical Practitioner",
	RoleCode: "R8000", Activities: []string{"B0360", "B0380"}, Site: "X99002"}

// checkMetaData accepts the question who is logged on, and no other: lists of
// all staff are nothing the bridge needs.
func (q *clientRequest) checkMetaData() error {
	if q.parameters == nil || len(q.parameters.children) == 0 {
		return errors.New("the stand-in answers LoggedOnUserOnly alone")
	}
	return q.parameters.check("", true, part{"LoggedOnUserOnly", 1, 1, flag})
}

func metaData(u *User) *etree.Element {
	if u == nil {
		u = &usual
	}
	response := etree.NewElement("Response")
	if u.NotLoggedOn {
		return response
	}
	if u.Site != "" {
		site := response.CreateElement("Site")
		site.CreateElement("Name").SetText("Harbour Lights Surgery")
		site.CreateElement("ID").SetText(u.Site)
		site.CreateElement("PrimarySite")
		site.CreateElement("CurrentSite")
	}
	response.AddChild(u.element())
	if u.Twice {
		other := *u
		other.UserName += "2"
		response.AddChild(other.element())
	}
	return response
}

func (u *User) element() *etree.Element {
	e := etree.NewElement("User")
	for _, c := range [][2]string{{"Title", u.Title}, {"FirstName", u.FirstName}, {"Surname", u.Surname}, {"UserName", u.UserName},
		{"Role", u.Role}, {"RoleCode", u.RoleCode}} {
		if c[1] != "" {
			e.CreateElement(c[0]).SetText(c[1])
		}
	}
	rights := e.CreateElement("AccessRights")
	for _, a := range u.Activities {
		rights.CreateElement("Access").SetText(a)
	}
	e.CreateElement("CurrentUser")
	return e
}
