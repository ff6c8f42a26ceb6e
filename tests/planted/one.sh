#!/bin/sh
# one.sh PROGRAM HONEST BUG: PROGRAM, which has the bug, finds it; and the very seed that shows it
# passes in HONEST, which has not. Prints the bug's row of the table.
set -eu
row=$("$1" hunt "$3") || {
    echo "$row"
    exit 1
}
seed=$(echo "$row" | sed 's/^[^|]*|[^|]*|[^|]*|[^|]*| *\([0-9]*\) of .*/\1/')
"$2" control "$3" "$seed"
echo "$row"
