package spine

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/linkspan/linkspan/record"
)

// maxClaims bounds the claims header in bytes.
const maxClaims = 8 << 10

// Claims say who asks, for what and until when. They travel in plain text, bound
// to the sealed body, so they never name the patient: no NHS number, no name, no
// date of birth, no local patient number.
type Claims struct {
	Exchange     string    `json:"exchange"`               // one id from the asker's request to its answer
	Attempt      string    `json:"attempt"`                // new for every try within the exchange
	User         string    `json:"user,omitempty"`         // as the asking system names them
	Role         string    `json:"role,omitempty"`         // code of the role profile
	Organisation string    `json:"organisation,omitempty"` // ODS code of the asker
	Target       string    `json:"target,omitempty"`       // ODS code of the organisation asked
	Purpose      string    `json:"purpose,omitempty"`
	Consent      string    `json:"consent,omitempty"`
	From         string    `json:"from,omitempty"`    // the asking system
	To           string    `json:"to,omitempty"`      // the system asked
	Deadline     time.Time `json:"deadline,omitzero"` // the asker waits until then
	Issued       time.Time `json:"issued,omitzero"`   // when the edge took the request
	// Link names economy, pair and environment, so that a test edge can never
	// talk to a live exchange (safety SE-03).
	Link         string   `json:"link,omitempty"`
	UserName     string   `json:"user_name,omitempty"`
	Activities   []string `json:"activities,omitempty"`   // national activity codes
	Device       string   `json:"device,omitempty"`       // what the user sits at
	Department   string   `json:"department,omitempty"`   // where the user works
	Relationship string   `json:"relationship,omitempty"` // legitimate relationship, as the asker states it
	// BreakGlass is the code of the reason for which consent is overridden.
	// BreakGlassText, what the user wrote, may name anybody: it is sealed (see
	// Key.SealText).
	BreakGlass     string `json:"break_glass,omitempty"`
	BreakGlassText string `json:"break_glass_text,omitempty"`
	// Sources says for each claim what it rests on.
	Sources map[string]string `json:"sources,omitempty"`
	// Refuse is set by an edge that will not have the request carried out; the
	// exchange role audits that and answers. Outcome is set in an answer: what
	// became of the exchange, "" for a record.
	Refuse  record.Reason `json:"refuse,omitempty"`
	Outcome record.Reason `json:"outcome,omitempty"`
	// Witness is the state of the exchange role's audit log after the answer
	// was written into it, kept by whoever gets it.
	Witness *Witness `json:"witness,omitempty"`
	// Reason is set only in an answer without a body, and is why.
	Reason record.Reason `json:"reason,omitempty"`
}

// Witness is where an audit log had got to: its instance, the number of records
// and the root hash over them, in base64. Whoever keeps one can prove later that
// nothing before it was changed or taken out.
type Witness struct {
	Instance string `json:"instance"`
	Seq      uint64 `json:"seq"`
	TreeHead string `json:"tree_head"`
}

// Header is the claims as they stand in HeaderClaims: the same claims give the
// same bytes. It fails where they are longer than 8 KiB.
func (c Claims) Header() (string, error) {
	c.Deadline, c.Issued = c.Deadline.UTC(), c.Issued.UTC()
	b, err := json.Marshal(c)
	if err != nil {
		return "", errors.New("claims cannot be written")
	}
	if len(b) > maxClaims {
		return "", errors.New("claims are longer than 8 KiB")
	}
	return string(b), nil
}

// ParseClaims reads a header written by Header. Members it does not know are
// passed over, so that two releases can talk. Nothing it returns is proven until
// the body has been opened with the same header.
func ParseClaims(header string) (Claims, error) {
	if header == "" {
		return Claims{}, errors.New("no claims")
	}
	if len(header) > maxClaims {
		return Claims{}, errors.New("claims are longer than 8 KiB")
	}
	var c Claims
	if err := json.Unmarshal([]byte(header), &c); err != nil {
		return Claims{}, errors.New("claims cannot be read")
	}
	return c, nil
}
