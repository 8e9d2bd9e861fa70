package standin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/beevik/etree"
	"github.com/google/uuid"
)

// SOAP 1.1 and WS-Addressing, in which EMIS Web, the MIG and Vision speak.
const (
	soapSpace = "http://schemas.xmlsoap.org/soap/envelope/"
	wsaSpace  = "http://www.w3.org/2005/08/addressing"
	anonymous = wsaSpace + "/anonymous"
)

// checkEnvelope judges the outermost parts of a request and gives these.
func checkEnvelope(root *node, headers int) (header, body *node, err error) {
	if root.name != "Envelope" || root.space != soapSpace {
		return nil, nil, errors.New("the root element is not a SOAP 1.1 Envelope")
	}
	if err := root.check(soapSpace, true, part{"Header", headers, 1, holder}, part{"Body", 1, 1, holder}); err != nil {
		return nil, nil, err
	}
	return root.child("Header"), root.child("Body"), nil
}

// addressable are the parts of wsa:From and wsa:ReplyTo.
var addressable = part{"Address", 1, 1, filled}

// checkAddressing judges the SOAP header: each of required in WS-Addressing once,
// each of allowed at most once, in any order; From as a URL or with an Address,
// both of which are seen.
func checkAddressing(h *node, required, allowed []string) error {
	seen := map[string]int{}
	for _, c := range h.children {
		if c.space != wsaSpace || !slices.Contains(required, c.name) && !slices.Contains(allowed, c.name) {
			return fmt.Errorf("%s in the header is not of WS-Addressing", c.name)
		}
		if seen[c.name]++; seen[c.name] > 1 {
			return fmt.Errorf("the header does not have exactly one %s", c.name)
		}
		if c.name == "ReplyTo" || c.name == "From" && len(c.children) > 0 {
			if err := c.check(wsaSpace, true, addressable); err != nil {
				return err
			}
		} else if err := c.checkKind(filled); err != nil {
			return err
		}
	}
	for _, name := range required {
		if seen[name] == 0 {
			return fmt.Errorf("the header does not have exactly one %s", name)
		}
	}
	return nil
}

// soapAnswer starts a SOAP message with an identifier that relates to a request,
// unless that had none, and returns it with its Body.
func soapAnswer(id, relatesTo, action string) (root, body *etree.Element) {
	root = etree.NewElement("soap:Envelope")
	root.CreateAttr("xmlns:soap", soapSpace)
	root.CreateAttr("xmlns:wsa", wsaSpace)
	header := root.CreateElement("soap:Header")
	header.CreateElement("wsa:MessageID").SetText(id)
	if relatesTo != "" {
		header.CreateElement("wsa:RelatesTo").SetText(relatesTo)
	}
	header.CreateElement("wsa:Action").SetText(action)
	header.CreateElement("wsa:To").SetText(anonymous)
	return root, root.CreateElement("soap:Body")
}

// soapFault is a SOAP 1.1 Fault, code Client or Server.
func soapFault(id, relatesTo, code, words string) []byte {
	root, body := soapAnswer(id, relatesTo, wsaSpace+"/soap/fault")
	f := body.CreateElement("soap:Fault")
	f.CreateElement("faultcode").SetText("soap:" + code)
	f.CreateElement("faultstring").SetText(sentence(words))
	return serialise(root)
}

// sentence begins with a capital.
func sentence(words string) string { return strings.ToUpper(words[:1]) + words[1:] }

// derivedID gives the same ids for the same request, so that demos and goldens
// repeat.
func derivedID(what, messageID string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(what+" to "+messageID)).String()
}
