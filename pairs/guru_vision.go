package pairs

import (
	"github.com/linkspan/linkspan/pairs/guru"
	"github.com/linkspan/linkspan/pairs/vision"
)

// GuruVision links Microtest Guru and INPS Vision.
func GuruVision() Pair {
	return Pair{
		Name: "guru-vision",
		A:    guru.System(),
		B:    vision.System(),
		AtoB: Rules{Kinds: kinds()},
		BtoA: Rules{Kinds: kinds()},
	}
}
