package pairs

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/systmone"
	"github.com/linkspan/linkspan/pairs/vision"
)

// SystmOneVision links SystmOne and INPS Vision.
func SystmOneVision() Pair {
	return Pair{
		Name: "systmone-vision",
		A:    systmone.System(),
		B:    vision.System(),
		AtoB: Rules{Kinds: kinds(), Ask: Schemes{Codes: mapping.CTV3, Drugs: mapping.DMD}},
		BtoA: Rules{Kinds: kinds(), Unasked: Schemes{Codes: mapping.CTV3}},
	}
}
