package spine

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/linkspan/linkspan/record"
)

const (
	// nonceBytes are random in every message. 96 bits, AES-GCM's own length, are
	// used up by 2^32 messages under one key, which a busy economy sends in two
	// years; with 192 the key needs no such count.
	nonceBytes = 24
	tagBytes   = 16
	// minWindow is the least memory a zstd decoder can be held to.
	minWindow = 1 << 10
	// ratioFloor is the body length below which the ratio is not judged.
	ratioFloor = 1 << 20
	// replyDirection is appended to the subject an answer is sealed with. A
	// subject holds no space, so no request can pass for an answer.
	replyDirection = " reply"
)

var errSeal = errors.New("the seal does not hold")

// Seal compresses body and seals it under key with c and the subject. The
// subject is the request's; for its answer the same and " reply". The result
// opens only beside c.Header() and for that subject.
func Seal(key Key, c Claims, subject string, body []byte) ([]byte, error) {
	header, err := c.Header()
	if err != nil {
		return nil, fault(record.ReasonInternal, "seal", err)
	}
	return newSealer(key, len(body), 1, 1).sealed(header, subject, body)
}

// Open proves that sealed was made by Seal under key with exactly this claims
// header and subject, and decompresses it. A body longer than limit is
// too-large; one over 1 MiB and more than ratio times its compressed length is
// refused as well. Every other error means the message was not made for us or
// was changed on its way.
func Open(key Key, claimsHeader, subject string, sealed []byte, limit, ratio int) ([]byte, Claims, error) {
	return newSealer(key, limit, ratio, 1).open(claimsHeader, subject, sealed)
}

// sealer holds what sealing and opening share. It is safe for concurrent use.
type sealer struct {
	key          Key
	encoder      *zstd.Encoder
	decoder      *zstd.Decoder
	limit, ratio int
}

// newSealer makes a sealer that runs at most parallel operations at once; 0 is
// one per processor. The options are constants and in range, so the
// constructors cannot fail.
func newSealer(key Key, limit, ratio, parallel int) *sealer {
	// A single segment states its length however short it is.
	encoderOptions := []zstd.EOption{zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithZeroFrames(true), zstd.WithSingleSegment(true),
		zstd.WithEncoderCRC(false)}
	if parallel > 0 {
		encoderOptions = append(encoderOptions, zstd.WithEncoderConcurrency(parallel))
	}
	encoder, err := zstd.NewWriter(nil, encoderOptions...)
	if err != nil {
		panic("spine: zstd encoder: " + err.Error())
	}
	memory := uint64(max(limit, minWindow))
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(memory), zstd.WithDecoderMaxWindow(memory),
		zstd.WithDecoderConcurrency(parallel), zstd.WithDecoderLowmem(true))
	if err != nil {
		panic("spine: zstd decoder: " + err.Error())
	}
	return &sealer{key: key, encoder: encoder, decoder: decoder, limit: limit, ratio: ratio}
}

// sealedLimit is the longest sealed form of a body within the limit: what does
// not compress grows by three bytes a block.
func (s *sealer) sealedLimit() int { return s.limit + s.limit/1024 + 1024 }

func (s *sealer) sealed(header, subject string, body []byte) ([]byte, error) {
	if s.key.IsZero() {
		return nil, fault(record.ReasonInternal, "seal", errors.New("no link key"))
	}
	nonce := make([]byte, nonceBytes, nonceBytes+len(body)/4+256)
	_, _ = rand.Read(nonce)
	compressed := s.encoder.EncodeAll(body, make([]byte, 0, len(body)/4+256))
	return messageCipher(s.key, nonce).Seal(nonce, nonce[12:], compressed, additional(header, subject)), nil
}

func (s *sealer) open(header, subject string, sealed []byte) ([]byte, Claims, error) {
	claims, err := ParseClaims(header)
	if err != nil {
		return nil, Claims{}, err
	}
	if s.key.IsZero() {
		return nil, Claims{}, fault(record.ReasonInternal, "open", errors.New("no link key"))
	}
	if len(sealed) > s.sealedLimit() {
		return nil, Claims{}, s.tooLarge()
	}
	if len(sealed) < nonceBytes+tagBytes {
		return nil, Claims{}, errSeal
	}
	nonce := sealed[:nonceBytes]
	compressed, err := messageCipher(s.key, nonce).Open(nil, nonce[12:], sealed[nonceBytes:], additional(header, subject))
	if err != nil {
		return nil, Claims{}, errSeal
	}
	body, err := s.decompress(compressed)
	if err != nil {
		return nil, Claims{}, err
	}
	return body, claims, nil
}

// decompress bounds what a holder of the key can make us allocate, by fault or
// by intent: the frame states its length and is believed only within limits.
func (s *sealer) decompress(compressed []byte) ([]byte, error) {
	var frame zstd.Header
	if err := frame.Decode(compressed); err != nil || frame.Skippable || !frame.HasFCS {
		return nil, errors.New("the compressed body does not state its length")
	}
	if frame.FrameContentSize > uint64(s.limit) {
		return nil, s.tooLarge()
	}
	if frame.FrameContentSize > ratioFloor && frame.FrameContentSize > uint64(len(compressed))*uint64(s.ratio) {
		return nil, fmt.Errorf("the body is more than %d times its compressed length", s.ratio)
	}
	body, err := s.decoder.DecodeAll(compressed, make([]byte, 0, frame.FrameContentSize))
	if err != nil || uint64(len(body)) != frame.FrameContentSize {
		return nil, errors.New("the body cannot be decompressed")
	}
	return body, nil
}

func (s *sealer) tooLarge() error {
	return fault(record.ReasonTooLarge, "open", fmt.Errorf("the body is longer than %d bytes", s.limit))
}

// additional joins the subject and the claims header so that no two pairs give
// the same bytes.
func additional(header, subject string) []byte {
	const label = "linkspan 1"
	b := make([]byte, 0, len(label)+4+len(subject)+len(header))
	b = append(b, label...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(subject)))
	b = append(b, subject...)
	return append(b, header...)
}

// messageCipher is AES-256-GCM under a key of this message's own, derived from
// the link's key and the first 12 bytes of the nonce; the other 12 are GCM's
// nonce. This is XAES-256-GCM (c2sp.org/XAES-256-GCM): SP 800-108 with CMAC in
// counter mode, label "X".
func messageCipher(key Key, nonce []byte) cipher.AEAD {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("spine: " + err.Error()) // only for a wrong key length, and Key has one
	}
	var subkey, mask [aes.BlockSize]byte
	block.Encrypt(subkey[:], subkey[:])
	carry := subkey[0] >> 7
	for i := range subkey {
		next := byte(0)
		if i+1 < len(subkey) {
			next = subkey[i+1] >> 7
		}
		subkey[i] = subkey[i]<<1 | next
	}
	subkey[len(subkey)-1] ^= carry * 0x87
	derived := make([]byte, 0, 2*aes.BlockSize)
	for counter := byte(1); counter <= 2; counter++ {
		input := append([]byte{0, counter, 'X', 0}, nonce[:12]...)
		subtle.XORBytes(mask[:], input, subkey[:])
		block.Encrypt(mask[:], mask[:])
		derived = append(derived, mask[:]...)
	}
	block, err = aes.NewCipher(derived)
	if err != nil {
		panic("spine: " + err.Error())
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("spine: " + err.Error())
	}
	return aead
}
