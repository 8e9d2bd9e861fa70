package systmone

import (
	"context"
	"errors"
	"strings"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const (
	opEncodeDevice = "systmone: encode device request"
	opDecodeDevice = "systmone: decode device"

	deviceFunction = "GetFunctions"
)

// EncodeDeviceRequest asks SystmOne to take this device on: a request with an
// empty DeviceID, on which the client asks the person at its desktop to allow it
// (S §1.2 "DeviceID"). The function is GetFunctions, which has no parameters and
// is about no patient. A device-id among the settings is not sent: an empty one
// is what asks. A missing api-key is ReasonInternal.
func (c *codec) EncodeDeviceRequest(id system.MessageID) ([]byte, error) {
	if c.apiKey == "" {
		return nil, &record.Error{Reason: record.ReasonInternal, Op: opEncodeDevice, Err: errors.New("no api-key among the settings")}
	}
	first := *c
	first.deviceID = ""
	w := first.open(id, deviceFunction)
	w.End()
	if err := w.Err(); err != nil {
		return nil, record.Fault(record.ReasonInternal, opEncodeDevice, err)
	}
	return w.Bytes(), nil
}

// DecodeDevice reads the answer to the request of that id: the DeviceID to keep
// and to send from now on. An ErrorMessage is ReasonRefused, which is what
// comes when the person at the desktop blocks the device, or ReasonBusy where
// PermanentError says to ask again; its words are not carried. An answer to
// another request, or without an id that can be sent back as it came, is
// ReasonBadAnswer.
func (c *codec) DecodeDevice(ctx context.Context, msg []byte, id system.MessageID) (string, error) {
	r, err := xmlio.Open(ctx, msg, xmlio.Options{Limits: c.limits})
	if err != nil {
		return "", record.Fault(record.ReasonBadAnswer, opDecodeDevice, err)
	}
	if r.Name() != (xmlio.Name{Local: responseRoot}) {
		return "", fault(record.ReasonBadAnswer, opDecodeDevice, r, "the root is not "+responseRoot)
	}
	var device, uid, function, permanent string
	var failing, twice bool
	responses := 0
	value := func() string {
		twice = twice || r.Repeated()
		return trim(r.Text())
	}
	for name := range r.Children("") {
		switch name {
		case "DeviceID":
			device = value()
		case "RequestUID":
			uid = value()
		case "Function":
			function = value()
		case "Response":
			responses++
			for name := range r.Children("") {
				switch name {
				case "ErrorMessage":
					failing = true
				case "PermanentError":
					failing, permanent = true, value()
				}
			}
		}
	}
	if err := r.Close(); err != nil {
		return "", record.Fault(record.ReasonBadAnswer, opDecodeDevice, err)
	}
	refuse := func(reason record.Reason, why string) (string, error) {
		return "", &record.Error{Reason: reason, Op: opDecodeDevice, Err: errors.New(why)}
	}
	switch {
	case twice || responses > 1:
		return refuse(record.ReasonBadAnswer, "repeated element")
	case responses == 0:
		return refuse(record.ReasonBadAnswer, "no Response")
	case failing && permanent == "false":
		return refuse(record.ReasonBusy, "SystmOne did not take the device on; it may later")
	case failing:
		return refuse(record.ReasonRefused, "SystmOne did not take the device on: it was blocked at the desktop, or the api-key is not known")
	case !strings.EqualFold(uid, id.ID) || function != deviceFunction:
		return refuse(record.ReasonBadAnswer, "the answer to another request")
	case !plainID(device):
		return refuse(record.ReasonBadAnswer, "no DeviceID that can be kept")
	}
	return device, nil
}

// plainID reports an id of letters and digits, of which 16 hexadecimal ones have
// been seen (S §1.2); its length is stated nowhere.
func plainID(s string) bool {
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' {
			return false
		}
	}
	return len(s) >= 8 && len(s) <= 64
}
