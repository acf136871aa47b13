# SPDX-License-Identifier: GPL-3.0-or-later
# Lines of agent.table on standard input; Markdown out, then "#DATA FILE" and the file's lines.

function key(s, name,    at) { # value of name= in the line
    s = " " s " "
    at = index(s, " " name "=")
    if (at == 0) return ""
    s = substr(s, at + length(name) + 2)
    return substr(s, 1, index(s, " ") - 1)
}

{
    task = key($0, "task"); method = key($0, "method"); level = key($0, "level"); photo = key($0, "photo")
    units = key($0, "units") + 0; step = key($0, "step") + 0; flop = key($0, "flop")
    if (method == "train") { # an expert: how far it is from the base, against the clean picture
        if (step > 0) {
            own[task, photo] = key($0, "clean"); base[task, photo] = key($0, "before_clean")
        }
    }
    if (FILENAME ~ /finish-/) { # after the steps of distil-TASK
        flop *= (step + distilled[task]) / step; step += distilled[task]
    } else if (method == "distil" && FILENAME ~ /distil-/ && step > distilled[task]) distilled[task] = step
    if (FILENAME ~ /random-/) method = "random" # levels that started from nothing
    if (FILENAME ~ /start-/) method = "truncated" # singular vectors, nothing trained
    if (method == "sparse" && units > 60 || FILENAME ~ /full-/) method = "all-weights"
    name = method == "distil" ? "level " level : method == "random" || method == "truncated" ? method " " level : method " " sprintf("%.0f", units)
    id = name SUBSEP step
    loss[id, task, photo] = key($0, "loss")
    if (key($0, "before") > 0) before[task, photo, method] = key($0, "before") # not at marks
    clean[id, task, photo] = key($0, "clean")
    if (!((id) in seen) && method != "train") { seen[id] = 1; ids[++count] = id; number[id] = count; steps_of[name] = step > steps_of[name] + 0 ? step : steps_of[name]
        names[name] = method; unit_of[name] = units + 0; flop_of[id] = flop + 0 }
    if (!(task in tasks)) { tasks[task] = ++task_count; task_name[task_count] = task }
    if (photo + 1 > photos) photos = photo + 1
}

# Mean over tasks (or one task) of sum loss / sum before, without photo `out`.
function ratio(id, only, out,    t, p, a, b, total, n, m) {
    split(id, m, SUBSEP)
    for (t = 1; t <= task_count; t++) {
        if (only != "" && task_name[t] != only) continue
        a = b = 0
        for (p = 0; p < photos; p++) {
            if (p == out || !((id, task_name[t], p) in loss)) continue
            a += loss[id, task_name[t], p]; b += before[task_name[t], p, names[m[1]]]
        }
        if (b > 0) { total += a / b; n++ }
    }
    return n > 0 ? total / n : -1
}

# Jackknife: half the width of the 95 % interval.
function spread(id, only,    p, mean, s, v) {
    mean = 0
    for (p = 0; p < photos; p++) { v[p] = ratio(id, only, p); mean += v[p] / photos }
    s = 0
    for (p = 0; p < photos; p++) s += (v[p] - mean) ^ 2
    return student() * sqrt(s * (photos - 1) / photos)
}

function student(    table) { # two-sided 95 %, photos - 1 degrees of freedom
    split("12.71 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262 2.228 2.201 2.179 2.160 2.145", table, " ")
    return photos - 1 in table ? table[photos - 1] : 2.0
}

# The same of the ratio of two ids.
function spread_of_ratio(id, other,    p, mean, s, v) {
    for (p = 0; p < photos; p++) { v[p] = ratio(id, "", p) / ratio(other, "", p); mean += v[p] / photos }
    for (p = 0; p < photos; p++) s += (v[p] - mean) ^ 2
    return student() * sqrt(s * (photos - 1) / photos)
}

function sum_of(array, id, t,    p, s) { for (p = 0; p < photos; p++) s += array[id, task_name[t], p]; return s }
function db(x) { return x > 0 ? -10 * log(x) / log(10) : 0 }

END {
    for (l = 1; l <= 16; l++) if (("level " l) in names) levels = l
    print "Results: PSNR in dB against the clean picture, " photos " photos of 12 crops\n"
    print "| task | base | level 1 | level " levels " | expert |\n|---|---|---|---|---|"
    for (t = 1; t <= task_count; t++) {
        a = b = 0
        for (p = 0; p < photos; p++) { a += base[task_name[t], p]; b += own[task_name[t], p] }
        if (b > 0) printf "| %s | %.2f | %.2f | %.2f | %.2f |\n", task_name[t], db(a / photos), \
            db(sum_of(clean, "level 1" SUBSEP steps_of["level 1"], t) / photos), \
            db(sum_of(clean, "level " levels SUBSEP steps_of["level " levels], t) / photos), db(b / photos)
    }
    print "\nResidual alignment loss by level (1 = nothing aligned), per task; J_A in 1e-3\n"
    header = "| level | units |"; line = "|---|---|"
    for (t = 1; t <= task_count; t++) { header = header " " task_name[t] " |"; line = line "---|" }
    print header " mean |\n" line "---|"
    row = "| none | 0 |"
    for (t = 1; t <= task_count; t++) {
        a = 0; for (p = 0; p < photos; p++) a += before[task_name[t], p, "distil"]
        row = row sprintf(" 1 (%.3f) |", 1e3 * a / photos); none[t] = a / photos
    }
    print row " 1 |"
    for (l = 1; l <= 16; l++) {
        id = "level " l SUBSEP steps_of["level " l]
        if (!(id in seen)) break
        row = sprintf("| %d | %.2f |", l, unit_of["level " l])
        for (t = 1; t <= task_count; t++) {
            r = ratio(id, task_name[t], -1)
            row = row sprintf(" %.3f (%.3f) |", r, 1e3 * r * none[t])
            if (l > 1 && r >= last[t]) rising = rising " " task_name[t] ":" l
            last[t] = r
        }
        mean_of[l] = ratio(id, "", -1)
        print row sprintf(" %.3f ± %.3f |", mean_of[l], spread(id, ""))
    }
    print "\nMonotone in the level: " (rising == "" ? "yes, every task" : "no:" rising)
    print "\nTraffic (figure 3a): residual loss, mean of the tasks, 95 % over photos\n"
    print "| method | units | residual | steps |\n|---|---|---|---|"
    for (name in names) sorted[++n] = name
    for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++)
        if (names[sorted[j]] < names[sorted[i]] || (names[sorted[j]] == names[sorted[i]] && unit_of[sorted[j]] < unit_of[sorted[i]])) { x = sorted[i]; sorted[i] = sorted[j]; sorted[j] = x }
    for (i = 1; i <= n; i++) {
        name = sorted[i]; id = name SUBSEP steps_of[name]
        r = ratio(id, "", -1); s = spread(id, "")
        printf "| %s | %.2f | %.3f ± %.3f | %d |\n", name, unit_of[name], r, s, steps_of[name]
        traffic = traffic sprintf("%s %g %g %g\n", names[name], unit_of[name], r, s)
    }
    print "\nAgainst the next best at equal traffic\n"
    print "| units | distilled | next best | ratio |\n|---|---|---|---|"
    for (l = 1; l <= levels; l++) {
        id = "level " l SUBSEP steps_of["level " l]; best = ""
        for (i = 1; i <= n; i++) {
            name = sorted[i]
            if (names[name] == "distil" || names[name] == "random" || names[name] == "truncated" || unit_of[name] > 1.02 * l || unit_of[name] < 0.5 * l) continue
            other = name SUBSEP steps_of[name]
            if (best == "" || ratio(other, "", -1) < ratio(best, "", -1)) { best = other; best_name = name }
        }
        if (best != "")
            printf "| %d | %.3f | %.3f (%s) | %.3f ± %.3f |\n", l, mean_of[l], ratio(best, "", -1), best_name, mean_of[l] / ratio(best, "", -1), spread_of_ratio(id, best)
    }
    print "\nCompute (figure 3b): residual loss after so much training\n"
    print "| method | 1e12 floating-point operations | steps | residual |\n|---|---|---|---|"
    for (i = 1; i <= n; i++) {
        name = sorted[i]
        if ((names[name] == "distil" || names[name] == "random" || names[name] == "truncated") && name !~ (" " levels "$")) continue
        if (names[name] == "all-weights") continue
        for (at = 1; at <= steps_of[name]; at++) { # in order of steps
            k = number[name SUBSEP at]
            if (k == 0) continue
            split(ids[k], m, SUBSEP)
            r = ratio(ids[k], "", -1)
            printf "| %s | %.2f | %d | %.3f |\n", name, flop_of[ids[k]] / 1e12, m[2], r
            slug = name; sub(/ /, "-", slug) # gnuplot's columns
            compute = compute sprintf("%s %g %g %g\n", slug, flop_of[ids[k]] / 1e12, r, spread(ids[k], ""))
        }
    }
    print "#DATA traffic.dat"; gsub(/\n$/, "", traffic); print traffic
    print "#DATA compute.dat"; gsub(/\n$/, "", compute); print compute
    # J_A of the network's optimisation: the mean residual, so that 1 is an agent without the knowledge.
    print "#DATA losses.json"
    list = ""
    for (l = 1; l <= levels; l++) list = list (l > 1 ? ", " : "") sprintf("%.4f", mean_of[l])
    print "{\"J_A\": [" list "]}"
}
