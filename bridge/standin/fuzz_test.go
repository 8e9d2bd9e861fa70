package standin

import (
	"bytes"
	"testing"

	"github.com/beevik/etree"
	"github.com/stretchr/testify/require"
)

// FuzzHandle: whatever arrives, each stand-in answers with a message of its
// system, and only what its check has passed is answered with a record.
func FuzzHandle(f *testing.F) {
	stands := map[string]*Standin{}
	for name := range systems {
		folder := files
		if name == "guru" {
			folder = guruFiles()
		}
		s, err := New(name, folder, Options{})
		require.NoError(f, err)
		stands[name] = s
	}
	for _, request := range requests {
		f.Add([]byte(request))
	}
	f.Add([]byte(guruGet(guruMyRecord, nora)))
	f.Add([]byte(guruPost(ehrRequest)))
	f.Add([]byte(migQuestionFor(migLocate, nora, given)))
	f.Add([]byte(visionRequestFor(nora, "")))
	f.Fuzz(func(t *testing.T, msg []byte) {
		for name, s := range stands {
			answer := s.Handle(t.Context(), msg, peer)
			if name == "guru" {
				answers, err := filedAnswers("answer", answer)
				require.NoError(t, err)
				require.Len(t, answers, 1)
				require.Equal(t, bytes.Contains(answer, []byte(nora)) && answers[0].kind == "application/xml",
					answers[0].status == 200 && bytes.HasPrefix(msg, []byte("POST ")))
				continue
			}
			require.NoError(t, etree.NewDocument().ReadFromBytes(answer), name)
		}
	})
}
