package record_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

func TestReasons(t *testing.T) {
	codes := map[record.Reason]int{
		record.ReasonBadMessage: 400, record.ReasonBadAnswer: 502, record.ReasonNotFound: 404, record.ReasonWrongPatient: 502, record.ReasonNoPatient: 502,
		record.ReasonRefused: 403, record.ReasonDenied: 403, record.ReasonNoTarget: 421, record.ReasonUnmappedRequest: 422, record.ReasonUnsupported: 501,
		record.ReasonTooLarge: 413, record.ReasonBusy: 429, record.ReasonUnavailable: 503, record.ReasonTimeout: 504, record.ReasonAudit: 503, record.ReasonInternal: 500,
		record.ReasonNoConsent: 403, record.ReasonReplayed: 409, record.ReasonClock: 400, record.ReasonLimited: 429,
	}
	transient := map[record.Reason]bool{record.ReasonBusy: true, record.ReasonLimited: true, record.ReasonUnavailable: true, record.ReasonTimeout: true, record.ReasonAudit: true, record.ReasonInternal: true}
	require.Len(t, record.Reasons(), len(codes), "the list is closed")
	words, sentences := map[record.Reason]bool{}, map[string]bool{}
	label := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	for _, r := range record.Reasons() {
		require.Regexp(t, label, string(r), "a metric label")
		require.False(t, words[r], "%s stands twice", r)
		words[r] = true
		require.False(t, sentences[r.Words()], "%s has the sentence of another", r)
		sentences[r.Words()] = true
		require.True(t, strings.HasSuffix(r.Words(), "."), r)
		code, known := codes[r]
		require.True(t, known, r)
		require.Equal(t, code, r.Code(), r)
		require.Equal(t, !transient[r], r.Permanent(), r)
	}
	require.Equal(t, 500, record.Reason("another").Code())
	require.Equal(t, record.ReasonInternal.Words(), record.Reason("another").Words())
}

func TestFailureWords(t *testing.T) {
	require.Equal(t, "The other system refused the request. It said: Not today",
		record.Failure{Reason: record.ReasonRefused, Native: "Not today"}.Words())
	require.Equal(t, "Patient not found.", record.Failure{Reason: record.ReasonNotFound, Native: "Patient is sensitive"}.Words(),
		"every cause of not found reads the same")
	require.True(t, record.Failure{Reason: record.ReasonRefused}.Permanent())
	require.False(t, record.Failure{Reason: record.ReasonRefused, Retry: true}.Permanent())
	require.False(t, record.Failure{Reason: record.ReasonBusy}.Permanent())
}

func TestFault(t *testing.T) {
	err := record.Fault(record.ReasonBadAnswer, "x: decode", io.ErrUnexpectedEOF)
	require.EqualError(t, err, "x: decode: bad-answer: unexpected EOF")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, record.ReasonBadAnswer, record.ReasonOf(err))
	require.EqualError(t, &record.Error{Reason: record.ReasonBadMessage, Op: "x: decode", Position: "12:4 Code"}, "x: decode: bad-message at 12:4 Code")

	again := record.Fault(record.ReasonInternal, "y", fmt.Errorf("outer: %w", err))
	require.Equal(t, record.ReasonBadAnswer, record.ReasonOf(again), "an Error keeps its reason")
	require.Equal(t, record.ReasonDenied, record.ReasonOf(errors.Join(record.Fault(record.ReasonDenied, "a", nil), record.Fault(record.ReasonAudit, "b", nil))))
	require.Equal(t, record.ReasonInternal, record.ReasonOf(io.EOF))
}

func TestFaultOfAReader(t *testing.T) {
	ended, end := context.WithCancel(context.Background())
	end()
	for _, c := range []struct {
		ctx  context.Context
		doc  string
		most int
		want record.Reason
	}{
		{context.Background(), "<a><b></a>", 1000, record.ReasonBadAnswer},
		{context.Background(), "<!DOCTYPE a><a/>", 1000, record.ReasonBadAnswer},
		{context.Background(), "<a>" + strings.Repeat("x", 2000) + "</a>", 1000, record.ReasonTooLarge},
		{ended, "<a/>", 1000, record.ReasonTimeout},
	} {
		limits := xmlio.DefaultLimits()
		limits.Bytes = c.most
		r, err := xmlio.Open(c.ctx, []byte(c.doc), xmlio.Options{Limits: limits})
		if err == nil {
			r.Skip()
			err = r.Close()
		}
		require.Error(t, err)
		err = record.Fault(record.ReasonBadAnswer, "x: decode", err)
		require.Equal(t, c.want, record.ReasonOf(err), c.doc[:4])
		require.Regexp(t, ` at \d+:\d+: `, err.Error())
	}
}
