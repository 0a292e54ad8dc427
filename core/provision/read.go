package provision

// ReadPlan reads a plan that json.Marshal wrote. The file may have been edited by anybody, so everything that follows from
// a step's content, such as its ID and whether it takes something away, is computed anew and has to be the same.
func ReadPlan(data []byte) (Plan, error) { panic("being written") }
