package emisweb

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// The namespaces of the envelope (E §3). EWDS and all in it but the record
// stand in the ITK namespace.
const (
	soapSpace = "http://schemas.xmlsoap.org/soap/envelope/"
	wsaSpace  = "http://www.w3.org/2005/08/addressing"
	itkSpace  = "urn:nhs-itk:ns:201005"
)

const (
	anonymous   = wsaSpace + "/anonymous"
	faultAction = wsaSpace + "/soap/fault" // WS-Addressing 1.0 SOAP Binding §6
	odsPrefix   = "urn:nhs-uk:addressing:ods:"
	servicePart = "emis:transactionim:records:"
	methodPart  = "Emis.Interop.PatientAPI."

	// trackingRelation is the relationship that names the request's tracking
	// id in an answer where that is not its MessageID. It is ours (README.md).
	trackingRelation = itkSpace + ":trackingid"
)

// The operations of EMIS Web this link answers.
const (
	getMedicalRecord = "GetMedicalRecord"
	getDemographics  = "GetPatientDemographics"
)

// envelope is what stands around the EWDS document of an outgoing message.
type envelope struct {
	id        system.MessageID
	action    string // wsa:Action and header@service
	to        string // wsa:To, "" leaves it out
	target    string // ODS code of the addressee, "" leaves it out
	sender    string // ODS code, "" leaves it out
	audit     string // auditIdentity
	relatesTo string // wsa MessageID of the request answered, "" in a request
	tracking  string // its tracking id where that differs
	signature []spec
}

// spec is one key and value of handlingSpecification.
type spec struct{ key, value string }

// open writes the envelope up to where its document stands, close the rest. A
// document that need not be signed first is written between the two.
func (e envelope) open(w *xmlio.Writer) {
	w.Declaration()
	w.Start("soap:Envelope", "xmlns:soap", soapSpace)
	e.writeHeader(w)
	w.Start("soap:Body")
	w.Start("itk:DistributionEnvelope", "xmlns:itk", itkSpace)
	payload := "uuid_" + strings.ToUpper(uuid.NewSHA1(uuid.NameSpaceURL, []byte("payload of "+e.id.ID)).String())
	w.Start("itk:header", "trackingid", e.id.ID, "service", e.action)
	if e.target != "" {
		w.Start("itk:addresslist")
		w.Empty("itk:address", "uri", odsPrefix+e.target)
		w.End()
	}
	w.Start("itk:auditIdentity")
	w.Empty("itk:id", "uri", e.audit)
	w.End()
	w.Start("itk:manifest", "count", "1")
	w.Empty("itk:manifestitem", "id", payload, "mimetype", "application/xml")
	w.End()
	if e.sender != "" {
		w.Empty("itk:senderAddress", "uri", odsPrefix+e.sender)
	}
	if len(e.signature) > 0 {
		w.Start("itk:handlingSpecification")
		for _, s := range e.signature {
			w.Empty("itk:spec", "key", s.key, "value", s.value)
		}
		w.End()
	}
	w.End()
	w.Start("itk:payloads", "count", "1")
	w.Start("itk:payload", "id", payload)
}

func (e envelope) close(w *xmlio.Writer) {
	for range 5 { // payload, payloads, DistributionEnvelope, Body, Envelope
		w.End()
	}
}

// writeHeader writes the SOAP header. Each WS-Addressing element declares its
// namespace itself, as the real client's do.
func (e envelope) writeHeader(w *xmlio.Writer) {
	element := func(name, text string, attrs ...string) {
		w.Optional(name, text, append([]string{"xmlns", wsaSpace}, attrs...)...)
	}
	w.Start("soap:Header")
	element("MessageID", e.id.ID)
	element("RelatesTo", e.relatesTo)
	element("RelatesTo", e.tracking, "RelationshipType", trackingRelation)
	element("Action", e.action)
	element("To", e.to)
	if e.sender != "" {
		w.Start("From", "xmlns", wsaSpace)
		w.Element("Address", odsPrefix+e.sender)
		w.End()
	}
	if e.relatesTo == "" && e.action != faultAction {
		w.Start("ReplyTo", "xmlns", wsaSpace)
		w.Element("Address", anonymous)
		w.End()
	}
	w.End()
}

// odsOf is the organisation an address of the ITK names, "" when it is not an
// ODS address. The letters of a URN's prefix have no case (RFC 8141 §3).
func odsOf(uri string) string {
	uri = strings.TrimSpace(uri)
	if len(uri) < len(odsPrefix) || !strings.EqualFold(uri[:len(odsPrefix)], odsPrefix) {
		return ""
	}
	code, _, _ := strings.Cut(uri[len(odsPrefix):], ":")
	return code
}

// methodOf is the method a service or action names:
// "emis:transactionim:records:req_<Method>_V1_0" (E §3).
func methodOf(service string) string {
	_, name, found := strings.Cut(service, ":req_")
	if !found {
		return ""
	}
	if i := strings.LastIndex(name, "_V"); i > 0 {
		name = name[:i]
	}
	return name
}

// service is the action of a request ("req") or, by analogy, of its answer
// ("resp").
func service(prefix, method string) string {
	return servicePart + prefix + "_" + cmp.Or(method, getMedicalRecord) + "_V1_0"
}

// payloads visits the payload children of the payloads element r stands on and
// refuses a number of them that is not the stated one: a part is missing.
func payloads(r *xmlio.Reader, visit func(), refuse func(what string)) {
	stated, n := r.Attr("count"), 0
	for name := range r.Children(itkSpace) {
		if name == "payload" {
			n++
			visit()
		}
	}
	if stated != "" && r.Err() == nil && stated != strconv.Itoa(n) {
		refuse("number of payloads differs from the stated count")
	}
}

// at is a fault of the message at the element r stands on.
func at(r *xmlio.Reader, reason record.Reason, op, what string) error {
	return &record.Error{
		Reason:   reason,
		Op:       op,
		Position: fmt.Sprintf("%s %s", r.Position(), r.Name().Local),
		Err:      errors.New(what),
	}
}
