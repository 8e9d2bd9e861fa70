package systmone

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

func userReaderOf(t testing.TB) system.UserReader {
	u, ok := newTestCodec(t).(system.UserReader)
	require.True(t, ok)
	return u
}

func TestEncodeUserRequest(t *testing.T) {
	out, err := userReaderOf(t).EncodeUserRequest(answerID)
	require.NoError(t, err)
	require.Equal(t, `<?xml version="1.0" encoding="UTF-8"?><ClientIntegrationRequest><APIKey>key</APIKey><DeviceID>5ca1ab1e0ddba11a</DeviceID>`+
		`<DeviceVersion>1</DeviceVersion><RequestUID>00000000-0000-4000-8000-00000000000a</RequestUID><Function>GetOrganisationMetaData</Function>`+
		`<FunctionVersion>1.0</FunctionVersion><FunctionParameters><LoggedOnUserOnly/></FunctionParameters></ClientIntegrationRequest>`, string(out))
}

// metaData is an answer to GetOrganisationMetaData holding content.
func metaData(content string) []byte {
	return []byte("<ClientIntegrationResponse><DeviceID>5ca1ab1e0ddba11a</DeviceID><RequestUID>r</RequestUID><Function>GetOrganisationMetaData</Function>" +
		"<FunctionVersion>1.0</FunctionVersion><ResponseUID>R</ResponseUID><Response>" + content + "</Response></ClientIntegrationResponse>")
}

const (
	hester = "<User><Title>Dr</Title><FirstName>Hester</FirstName><MiddleNames>Ann</MiddleNames><Surname>Penrose</Surname><UserName>hpenrose</UserName>" +
		"<Gender>F</Gender><Role>General Medical Practitioner</Role><RoleCode>R8000</RoleCode><NationalID>9990001</NationalID><NationalIDType>GMC</NationalIDType>" +
		"<AccessRights><Access>B0360</Access><Access>Print letters</Access><Access>B0380</Access><Access>B0360</Access><Access>B036</Access></AccessRights>" +
		"<UserGroups><Group>Partners</Group></UserGroups><Teams/><CurrentUser/></User>"
	desk = "<User><UserName>desk</UserName><Role>Receptionist</Role></User>"
	quay = "<Site><Name>Quay Branch</Name><ID>X99009</ID></Site><Site><Name>Harbour Lights Surgery</Name><ID>X99002</ID><PrimarySite/><CurrentSite/></Site>"
)

func TestDecodeUser(t *testing.T) {
	whole := record.Requester{User: "hpenrose", UserName: "Dr Hester Ann Penrose", Role: "R8000", Activities: []string{"B0360", "B0380"}, Organisation: "X99002"}
	for name, c := range map[string]struct {
		content string
		want    record.Requester
	}{
		"all of it":             {quay + hester, whole},
		"beside another user":   {quay + desk + hester, whole},
		"a role without a code": {"<User><UserName>p</UserName><Role>Nurse</Role><CurrentUser>true</CurrentUser></User>", record.Requester{User: "p", Role: "Nurse"}},
		"a site of another id":  {"<Site><ID>17</ID><CurrentSite/></Site><User><UserName>p</UserName><CurrentUser/></User>", record.Requester{User: "p"}},
		"two current sites": {"<Site><ID>X99002</ID><CurrentSite/></Site><Site><ID>X99003</ID><CurrentSite/></Site><User><UserName>p</UserName><CurrentUser/></User>",
			record.Requester{User: "p"}},
	} {
		got, err := userReaderOf(t).DecodeUser(context.Background(), metaData(c.content))
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
}

func TestDecodeUser_Refuses(t *testing.T) {
	for name, c := range map[string]struct {
		msg    []byte
		reason record.Reason
	}{
		"nobody":               {metaData(""), record.ReasonBadAnswer},
		"nobody marked":        {metaData(desk), record.ReasonBadAnswer},
		"marked as not":        {metaData(strings.Replace(hester, "<CurrentUser/>", "<CurrentUser>false</CurrentUser>", 1)), record.ReasonBadAnswer},
		"marked in doubt":      {metaData(strings.Replace(hester, "<CurrentUser/>", "<CurrentUser>perhaps</CurrentUser>", 1)), record.ReasonBadAnswer},
		"two marked":           {metaData(hester + hester), record.ReasonBadAnswer},
		"no user name":         {metaData("<User><Surname>Penrose</Surname><CurrentUser/></User>"), record.ReasonBadAnswer},
		"two user names":       {metaData("<User><UserName>a</UserName><UserName>b</UserName><CurrentUser/></User>"), record.ReasonBadAnswer},
		"elements in the name": {metaData("<User><UserName><a>a</a></UserName><CurrentUser/></User>"), record.ReasonBadAnswer},
		"two responses":        {[]byte(strings.Replace(string(metaData(hester)), "<Response>", "<Response/><Response>", 1)), record.ReasonBadAnswer},
		"no response":          {[]byte("<ClientIntegrationResponse><Function>GetOrganisationMetaData</Function></ClientIntegrationResponse>"), record.ReasonBadAnswer},
		"another function":     {[]byte(strings.Replace(string(metaData(hester)), "GetOrganisationMetaData", "GetPatientRecord", 1)), record.ReasonBadAnswer},
		"another namespace":    {metaData(strings.Replace(hester, "<User>", "<User xmlns='urn:x'>", 1)), record.ReasonBadAnswer},
		"another root":         {[]byte("<a/>"), record.ReasonBadAnswer},
		"cut":                  {metaData(hester)[:400], record.ReasonBadAnswer},
		"refused":              {metaData("<ErrorMessage>No</ErrorMessage><PermanentError>true</PermanentError>"), record.ReasonRefused},
		"refused beside a user": {metaData(hester + "<ErrorMessage>No</ErrorMessage><PermanentError>true</PermanentError>"),
			record.ReasonRefused},
		"not now": {metaData("<ErrorMessage>No</ErrorMessage><PermanentError>false</PermanentError>"), record.ReasonBusy},
	} {
		got, err := userReaderOf(t).DecodeUser(context.Background(), c.msg)
		require.Error(t, err, name)
		require.Equal(t, c.reason, record.ReasonOf(err), name)
		require.Zero(t, got, name)
		require.NotContains(t, err.Error(), "Penrose")
		require.NotContains(t, err.Error(), "hpenrose")
	}
}

func FuzzDecodeUser(f *testing.F) {
	for _, content := range []string{"", quay + hester, desk + hester, hester + hester, "<ErrorMessage>No</ErrorMessage><PermanentError>true</PermanentError>"} {
		f.Add(metaData(content))
	}
	reader := userReaderOf(f)
	f.Fuzz(func(t *testing.T, msg []byte) {
		who, err := reader.DecodeUser(context.Background(), msg)
		if err != nil {
			require.Zero(t, who)
			require.Contains(t, []record.Reason{record.ReasonBadAnswer, record.ReasonRefused, record.ReasonBusy, record.ReasonTooLarge}, record.ReasonOf(err))
			return
		}
		require.NotEmpty(t, who.User)
		for _, a := range who.Activities {
			require.Regexp(t, `^B[0-9]{4}$`, a)
		}
	})
}
