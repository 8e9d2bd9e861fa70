package pairs

import (
	"github.com/linkspan/linkspan/pairs/guru"
	"github.com/linkspan/linkspan/pairs/mig"
)

// GuruMIG links Microtest Guru and the MIG, as their makers agreed in 2015 (S
// §4.1).
func GuruMIG() Pair {
	return Pair{
		Name: "guru-mig",
		A:    guru.System(),
		B:    mig.System(),
		AtoB: Rules{Kinds: kinds()},
		BtoA: Rules{Kinds: kinds()},
	}
}
