# Keeps of the output of `swift test` what a reader wants: failures whole, what was skipped and why, the last line, and a
# line for every hundred tests that passed.
/^◇/ { next }
/^✔ Test run/ { print; fflush(); next }
/^✔ Suite/ { next }
/^✔ Test case/ { next }
/^✔/ { passed += 1; if (passed % 100 == 0) { print passed " tests passed"; fflush() } next }
/^Test (Suite|Case) / { next }
{ print; fflush() }
