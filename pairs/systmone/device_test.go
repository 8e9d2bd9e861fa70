package systmone

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// S §1.2: the DeviceID is empty on first contact, also where one is configured.
func TestEncodeDeviceRequest(t *testing.T) {
	out, err := newTestCodec(t).(*codec).EncodeDeviceRequest(answerID)
	require.NoError(t, err)
	require.Equal(t, `<?xml version="1.0" encoding="UTF-8"?><ClientIntegrationRequest><APIKey>key</APIKey><DeviceID></DeviceID>`+
		`<DeviceVersion>1</DeviceVersion><RequestUID>00000000-0000-4000-8000-00000000000a</RequestUID><Function>GetFunctions</Function>`+
		`<FunctionVersion>1.0</FunctionVersion></ClientIntegrationRequest>`, strings.ReplaceAll(string(out), "<DeviceID/>", "<DeviceID></DeviceID>"))
	bare, err := newCodec(system.Options{})
	require.NoError(t, err)
	_, err = bare.(*codec).EncodeDeviceRequest(answerID)
	require.Equal(t, record.ReasonInternal, record.ReasonOf(err))
}

func TestDecodeDevice(t *testing.T) {
	const fine = "<ClientIntegrationResponse><DeviceID>5a17d0000000001a</DeviceID><RequestUID>00000000-0000-4000-8000-00000000000A</RequestUID>" +
		"<Function>GetFunctions</Function><FunctionVersion>1.0</FunctionVersion><ResponseUID>R</ResponseUID><Response><SupportedFunction>" +
		"<Function>GetPatientRecord</Function></SupportedFunction></Response></ClientIntegrationResponse>"
	c := newTestCodec(t).(*codec)
	device, err := c.DecodeDevice(context.Background(), []byte(fine), answerID)
	require.NoError(t, err)
	require.Equal(t, "5a17d0000000001a", device)

	supported := fine[strings.Index(fine, "<SupportedFunction>"):strings.Index(fine, "</Response>")]
	for name, w := range map[string]struct {
		old, new string
		reason   record.Reason
	}{
		"blocked":             {supported, "<ErrorMessage>Blocked by canary</ErrorMessage><PermanentError>true</PermanentError>", record.ReasonRefused},
		"an error alone":      {supported, "<ErrorMessage>Blocked by canary</ErrorMessage>", record.ReasonRefused},
		"later":               {supported, "<ErrorMessage>Blocked by canary</ErrorMessage><PermanentError>false</PermanentError>", record.ReasonBusy},
		"of another request":  {"00000000000A</RequestUID>", "00000000000B</RequestUID>", record.ReasonBadAnswer},
		"of another function": {"<Function>GetFunctions", "<Function>PatientSearch", record.ReasonBadAnswer},
		"no id":               {"<DeviceID>5a17d0000000001a</DeviceID>", "<DeviceID/>", record.ReasonBadAnswer},
		"two ids":             {"</DeviceID>", "</DeviceID><DeviceID>5a17d0000000001b</DeviceID>", record.ReasonBadAnswer},
		"two settings in one": {"5a17d0000000001a", "5a17d000 api-key:canary", record.ReasonBadAnswer},
		"endless":             {"5a17d0000000001a", strings.Repeat("a", 65), record.ReasonBadAnswer},
		"no response":         {"<Response>" + supported + "</Response>", "", record.ReasonBadAnswer},
		"two responses":       {"</Response>", "</Response><Response/>", record.ReasonBadAnswer},
		"another root":        {"ClientIntegrationResponse", "Other", record.ReasonBadAnswer},
		"cut":                 {"</ClientIntegrationResponse>", "", record.ReasonBadAnswer},
	} {
		_, err := c.DecodeDevice(context.Background(), []byte(strings.ReplaceAll(fine, w.old, w.new)), answerID)
		require.Equal(t, w.reason, record.ReasonOf(err), name)
		require.NotContains(t, err.Error(), "canary", name)
		require.NotContains(t, err.Error(), "5a17d", name)
	}
}
