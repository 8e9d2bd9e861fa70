package pairs

import (
	"github.com/linkspan/linkspan/pairs/mig"
	"github.com/linkspan/linkspan/pairs/vision"
)

// MIGVision links the MIG and INPS Vision.
func MIGVision() Pair {
	return Pair{
		Name: "mig-vision",
		A:    mig.System(),
		B:    vision.System(),
		AtoB: Rules{Kinds: kinds()},
		BtoA: Rules{Kinds: kinds()},
	}
}
