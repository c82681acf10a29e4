package lb

// Factors is what the weight of a choice was made of: the product of all of them, cut to
// the maximum share and to what the subset makes of it.
type Factors struct {
	Registered float64 // for the instance's status
	SlowStart  float64 // 0..1
	Load       float64 // 1 for what is usual per unit of weight
	Place      float64 // 1 where place does not count
	Cut        float64 // by the maximum share, 0..1
}
