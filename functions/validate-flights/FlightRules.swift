import Validation

/// What a good file of flights is. One row is one scheduled departure; `NA` marks what is not known, such as the departure time
/// of a cancelled flight. Times are local, as hour × 100 + minute.
let flightRules = RuleSet("flights", missing: ["NA", ""]) {
    Column("year", .integer).required().range(2013...2013)
    Column("month", .integer).required().range(1...12)
    Column("day", .integer).required().range(1...31)
    Column("dep_time", .integer).range(1...2400)
    Column("sched_dep_time", .integer).required().range(0...2359)
    Column("dep_delay", .integer).min(-60)
    Column("arr_time", .integer).range(1...2400)
    Column("sched_arr_time", .integer).required().range(0...2359)
    Column("arr_delay", .integer)
    Column("carrier", .string).required().length(2).references("carrier", of: "airlines.csv")
    Column("flight", .integer).required().min(1)
    Column("tailnum", .string).pattern("[A-Z0-9]{5,6}")
    Column("origin", .string).required().oneOf("EWR", "JFK", "LGA").references("faa", of: "airports.csv")
    Column("dest", .string).required().references("faa", of: "airports.csv")
    Column("air_time", .integer).range(1...1440)
    Column("distance", .integer).required().min(1)
    Column("hour", .integer).required().range(0...23)
    Column("minute", .integer).required().range(0...59)
    Column("time_hour", .datetime).required()
    UniqueKey("year", "month", "day", "carrier", "flight", "sched_dep_time", "origin")
    RowCount(1...)
}
