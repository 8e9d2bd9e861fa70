package pairs

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/emisweb"
	"github.com/linkspan/linkspan/pairs/vision"
)

// EMISWebVision links EMIS Web and INPS Vision.
func EMISWebVision() Pair {
	return Pair{
		Name: "emisweb-vision",
		A:    emisweb.System(),
		B:    vision.System(),
		AtoB: Rules{Kinds: kinds(), Ask: Schemes{Codes: mapping.ReadV2, Drugs: mapping.EMISDrug}},
		BtoA: Rules{Kinds: kinds()},
	}
}
