package standin

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

const loggedOn = "<LoggedOnUserOnly/>"

func TestSystmOneSaysWhoIsLoggedOn(t *testing.T) {
	s := serve(t, "systmone", Options{})
	root := s.ask(t, clientRequestOf("GetOrganisationMetaData", "", loggedOn))
	require.Equal(t, "GetOrganisationMetaData", text(root, "Function"))
	require.Equal(t, []string{"Site", "User"}, tags(child(root, "Response")))
	require.Equal(t, "hpenrose", root.FindElement(".//User/UserName").Text())
	require.NotNil(t, root.FindElement(".//User/CurrentUser"))
	require.Len(t, root.FindElements(".//AccessRights/Access"), 2)

	require.NoError(t, s.SetOptions(Options{User: &User{UserName: "pattwell", Role: "Nurse"}}))
	root = s.ask(t, clientRequestOf("GetOrganisationMetaData", "", loggedOn))
	require.Equal(t, []string{"User"}, tags(child(root, "Response")))
	require.Equal(t, []string{"UserName", "Role", "AccessRights", "CurrentUser"}, tags(root.FindElement(".//User")))

	require.NoError(t, s.SetOptions(Options{User: &User{UserName: "pattwell", Twice: true}}))
	root = s.ask(t, clientRequestOf("GetOrganisationMetaData", "", loggedOn))
	require.Len(t, root.FindElements(".//CurrentUser"), 2)

	require.NoError(t, s.SetOptions(Options{User: &User{NotLoggedOn: true}}))
	root = s.ask(t, clientRequestOf("GetOrganisationMetaData", "", loggedOn))
	require.Empty(t, tags(child(root, "Response")))

	for _, parameters := range []string{"", "<LoggedOnUserOnly/><LoggedOnUserOnly/>", "<Identity/>"} {
		root = s.ask(t, clientRequestOf("GetOrganisationMetaData", "", parameters))
		require.Equal(t, "true", text(child(root, "Response"), "PermanentError"), parameters)
	}
}

// TestProductReadsTheUser: what the product asks passes the check it had no
// part in, and the answer says who it is.
func TestProductReadsTheUser(t *testing.T) {
	for _, of := range pairs.Systems() {
		codec, err := of.New(system.Options{Settings: settings[of.Name]})
		require.NoError(t, err)
		reader, ok := codec.(system.UserReader)
		require.Equal(t, of.Name == "systmone", ok, of.Name)
		if !ok {
			continue
		}
		msg, err := reader.EncodeUserRequest(system.MessageID{ID: "0d6b7a52-11f9-4c1e-8d3a-2f6f7be0c9aa"})
		require.NoError(t, err)
		ask := func(o Options) (record.Requester, error) {
			s, err := New(of.Name, files, o)
			require.NoError(t, err)
			return reader.DecodeUser(t.Context(), reply(s.question(msg), s.records, o))
		}
		who, err := ask(Options{})
		require.NoError(t, err)
		require.Equal(t, record.Requester{User: "hpenrose", UserName: "Dr Hester Penrose", Role: "R8000",
			Activities: []string{"B0360", "B0380"}, Organisation: "X99002"}, who)
		for _, u := range []User{{NotLoggedOn: true}, {UserName: "a", Twice: true}, {}} {
			_, err := ask(Options{User: &u})
			require.Equal(t, record.ReasonBadAnswer, record.ReasonOf(err))
		}
		_, err = ask(Options{Error: "away"})
		require.Equal(t, record.ReasonBusy, record.ReasonOf(err))
	}
}
