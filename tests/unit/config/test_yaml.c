/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_yaml.c: texts that are not YAML, or more YAML than we take. */
#include "fixture.h"

TEST(ConfigYaml, ExplainsSyntaxErrors)
{
    static const struct fx_mistake mistakes[] = {
        {"  idle: adaptive", "\tidle: adaptive",
         "lg.yaml:4: not valid YAML: found a tab character that violates indentation while "
         "scanning a plain scalar begun on line 3; a tab cannot indent: use spaces"},
        {"  idle: adaptive", "   idle: adaptive",
         "lg.yaml:4: not valid YAML: mapping values are not allowed in this context; a value that "
         "holds \": \" needs quotes, and keys of one mapping begin in the same column"},
        {"device: \"af_xdp:lg-front\"", "device: \"af_xdp:lg-front",
         "lg.yaml:14: not valid YAML: did not find expected key while parsing a block mapping "
         "begun on line 11; keys of one mapping begin in the same column, and a quote above may "
         "lack its end"},
        {"idle: adaptive", "idle: a: b",
         "lg.yaml:4: not valid YAML: mapping values are not allowed in this context; a value that "
         "holds \": \" needs quotes, and keys of one mapping begin in the same column"},
        {"workers: [1, 2]", "workers: [1, 2",
         "lg.yaml:3: not valid YAML: did not find expected ',' or ']' while parsing a flow "
         "sequence begun on line 2; separate items with commas and close the bracket"},
        {"idle: adaptive", "idle: @x",
         "lg.yaml:4: not valid YAML: found character that cannot start any token; put a value that "
         "begins with @, ` or % in quotes"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigYaml, RefusesWhatAConfigDoesNotNeed)
{
    static const struct fx_mistake mistakes[] = {
        {"idle: adaptive", "idle: &a adaptive",
         "lg.yaml:4: anchors (&name) and aliases (*name) are not supported; write the value out "
         "where it is used"},
        {"idle: adaptive", "idle: *a",
         "lg.yaml:4: anchors (&name) and aliases (*name) are not supported; write the value out "
         "where it is used"},
        {"idle: adaptive", "idle: !!str adaptive",
         "lg.yaml:4: tags (!name) are not supported; remove it"},
        {"idle: adaptive", "? [a, b]\n  : 1",
         "lg.yaml:4: a key must be a single word, not a list or mapping"},
        {"ports:\n", "---\nports:\n",
         "lg.yaml:10: a second document begins here; a file holds one configuration, remove the "
         "\"---\""},
        {"idle: adaptive", "idle: \"a\\0b\"", "lg.yaml:4: a value holds a NUL byte"},
        {"idle: adaptive", "idle: [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
         "lg.yaml:4: nested more than 16 levels deep"},
        {"idle: adaptive", "idle: \001",
         "lg.yaml:4: not a text file: control characters are not allowed (byte 51); save it as "
         "UTF-8 without control characters"},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}
