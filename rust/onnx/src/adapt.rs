//! What other libraries do to a column before they compare it, in standard operators.
//!
//! NaN fails every comparison, so `Less` and `Greater` are all that is needed.

use arsenal_core::ensemble::{Dtype, ZERO};

use crate::graph::Graph;
use crate::proto::data_type;
use crate::tensor::{float_type, floats, int_attribute};

/// 2³¹: what a whole category must be less than.
const TOO_LARGE: f64 = 2_147_483_648.0;

/// Each number rounded to the nearest float32.
pub fn rounded(graph: &mut Graph, dtype: Dtype, column: &str) -> String {
    match dtype {
        Dtype::F32 => column.to_owned(),
        Dtype::F64 => {
            let narrow = cast(graph, "narrow", column, data_type::FLOAT);
            cast(graph, "rounded", &narrow, data_type::DOUBLE)
        }
    }
}

/// NaN where a number lies within ±[`ZERO`].
pub fn without_zero(graph: &mut Graph, dtype: Dtype, column: &str) -> String {
    let (least, most) = match dtype {
        Dtype::F32 => (f64::from((-ZERO as f32).next_down()), f64::from((ZERO as f32).next_up())),
        Dtype::F64 => ((-ZERO).next_down(), ZERO.next_up()),
    };
    let nan = graph.constant("nan", floats(dtype, [f64::NAN]));
    let is_above = compare(graph, "Greater", dtype, column, least);
    let without_above = choose(graph, "without_above", &is_above, &nan, column);
    let is_below = compare(graph, "Less", dtype, column, most);
    choose(graph, "without_zero", &is_below, &without_above, column)
}

/// Numbers over `above` and under 2³¹ cut to their whole part; NaN as it is; others as numbers that are no category.
pub fn whole(graph: &mut Graph, dtype: Dtype, column: &str, above: f64) -> String {
    let no_category = graph.constant("no_category", floats(dtype, [-1.0]));
    let is_small = compare(graph, "Less", dtype, column, TOO_LARGE);
    let small = choose(graph, "small", &is_small, column, &no_category);
    let is_large = compare(graph, "Greater", dtype, &small, above);
    let in_range = choose(graph, "in_range", &is_large, &small, &no_category);
    let integer = cast(graph, "integer", &in_range, data_type::INT64);
    let whole = cast(graph, "whole", &integer, float_type(dtype));
    choose(graph, "key", &is_small, &whole, column)
}

fn cast(graph: &mut Graph, wish: &str, value: &str, to: i32) -> String {
    let name = graph.inner_name(wish);
    graph.node("Cast", &[value], &[&name], vec![int_attribute("to", i64::from(to))]);
    name
}

fn compare(graph: &mut Graph, operator: &str, dtype: Dtype, value: &str, bound: f64) -> String {
    let bound = graph.constant("bound", floats(dtype, [bound]));
    let name = graph.inner_name(&operator.to_lowercase());
    graph.node(operator, &[value, &bound], &[&name], vec![]);
    name
}

fn choose(graph: &mut Graph, wish: &str, condition: &str, yes: &str, no: &str) -> String {
    let name = graph.inner_name(wish);
    graph.node("Where", &[condition, yes, no], &[&name], vec![]);
    name
}
