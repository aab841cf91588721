using MergeTasks.Merging.Outputs;
using MergeTasks.Merging.Planning;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>Which of several settings of a parameter decides a tensor.</summary>
public sealed class SettingScopes : IDisposable
{
    private readonly RecipeProject _project = new();

    public SettingScopes()
    {
        _project.Decoder("a", 1, 3);
        _project.Decoder("b", 2, 3);
    }

    public void Dispose() => _project.Dispose();

    [Fact]
    public void The_innermost_scope_that_has_a_value_decides()
    {
        var plan = _project.Plan("""
            merge_method: linear
            parameters:
              weight: 0.1
              normalize: false
            slices:
              - sources:
                  - model: models/a
                    layer_range: [0, 2]
                    parameters:
                      weight: [{filter: mlp, value: 0.4}]
                  - {model: models/b, layer_range: [0, 2]}
                parameters:
                  weight: [{filter: self_attn, value: 0.3}]
                  normalize: true
              - sources:
                  - {model: models/a, layer_range: [2, 3]}
            """);
        Assert.Equal([0.4, 0.1], Weights(plan, "model.layers.0.mlp.down_proj.weight"));
        Assert.Equal([0.3, 0.3], Weights(plan, "model.layers.0.self_attn.q_proj.weight"));
        Assert.Equal([0.1, 0.1], Weights(plan, "model.layers.0.input_layernorm.weight"));
        Assert.Equal([0.1], Weights(plan, "model.layers.2.mlp.down_proj.weight"));
        Assert.True(Context(plan, "model.layers.1.mlp.down_proj.weight").Flag("normalize"));
        Assert.False(Context(plan, "model.layers.2.mlp.down_proj.weight").Flag("normalize"));
    }

    [Fact]
    public void Filters_of_a_model_see_the_name_that_is_read_and_others_the_name_in_the_output()
    {
        var plan = _project.Plan("""
            merge_method: slerp
            base_model: models/a
            parameters: {t: [{filter: layers.0., value: 0.25}, {value: 0.5}]}
            slices:
              - sources:
                  - {model: models/a, layer_range: [1, 3]}
                  - {model: models/b, layer_range: [0, 2]}
            """);
        Assert.Equal(0.25, Context(plan, "model.layers.0.mlp.down_proj.weight")["t"]);
        Assert.Equal(0.5, Context(plan, "model.layers.1.mlp.down_proj.weight")["t"]);
        plan = _project.Plan("""
            merge_method: linear
            slices:
              - sources:
                  - {model: models/a, layer_range: [1, 3], parameters: {weight: [{filter: layers.1., value: 0.25}, {value: 0.5}]}}
                  - {model: models/b, layer_range: [0, 2], parameters: {weight: [{filter: layers.1., value: 0.75}, {value: 1}]}}
            """);
        Assert.Equal([0.25, 1], Weights(plan, "model.layers.0.mlp.down_proj.weight"));
        Assert.Equal([0.5, 0.75], Weights(plan, "model.layers.1.mlp.down_proj.weight"));
    }

    [Fact]
    public void Gradients_begin_at_the_embeddings_and_may_end_at_the_head()
    {
        const string recipe = "merge_method: slerp\nbase_model: models/a\nmodels: [{model: models/b}]\nparameters: {t: [1, 0.5, 0.1]}\n";
        double[] T(MergePlan plan) =>
            [
                .. new[]
                {
                    "model.embed_tokens.weight",
                    "model.layers.0.mlp.down_proj.weight",
                    "model.layers.1.mlp.down_proj.weight",
                    "model.layers.2.mlp.down_proj.weight",
                    "model.norm.weight",
                    "lm_head.weight"
                }.Select(name => Context(plan, name)["t"])
            ];
        Assert.Equal([1, 1, 0.5, 0.1, 1, 1], T(_project.Plan(recipe)));
        foreach (var end in new[] { "1", "01", "+1" })
            Assert.Equal([1, 1, 0.5, 0.1, 0.1, 0.1], T(_project.Plan(recipe + $"post_weights_position: {end}\n")));
        Assert.Equal([1, 1, 0.5, 0.1, 0.1, 0.1], T(_project.Plan(recipe, "recipe", ("PostWeightsPosition", "1"))));
    }

    [Fact]
    public void Conditions_may_name_tensors_by_globs()
    {
        var plan = _project.Plan("""
            merge_method: linear
            models:
              - model: models/a
                parameters: {weight: 1}
              - model: models/b
                parameters:
                  weight:
                    - {tensors: "*.mlp.*", value: 0.25}
                    - {tensors: [lm_head.*, "model.norm.?eight"], value: 0.5}
                    - {tensors: "model.layers.*", filter: norm, value: 0.75}
                    - {value: 2}
            """);
        Assert.Equal([1, 0.25], Weights(plan, "model.layers.2.mlp.down_proj.weight"));
        Assert.Equal([1, 0.5], Weights(plan, "lm_head.weight"));
        Assert.Equal([1, 0.5], Weights(plan, "model.norm.weight"));
        Assert.Equal([1, 0.75], Weights(plan, "model.layers.0.input_layernorm.weight"));
        Assert.Equal([1, 2], Weights(plan, "model.layers.0.self_attn.q_proj.weight"));
        Assert.Empty(plan.Layout.Warnings);
    }

    [Fact]
    public void A_base_that_a_method_can_do_without_may_be_missing_from_a_slice()
    {
        var plan = _project.Plan("""
            merge_method: nuslerp
            base_model: models/a
            parameters: {weight: 1}
            slices:
              - sources:
                  - {model: models/a, layer_range: [0, 1]}
                  - {model: models/b, layer_range: [0, 1]}
                  - {model: models/b, layer_range: [1, 2]}
              - sources:
                  - {model: models/b, layer_range: [1, 2]}
                  - {model: models/b, layer_range: [2, 3]}
            """);
        Assert.Equal([true, false, false], Context(plan, "model.layers.0.mlp.down_proj.weight").Inputs.Select(input => input.IsBase));
        Assert.Equal([false, false], Context(plan, "model.layers.1.mlp.down_proj.weight").Inputs.Select(input => input.IsBase));
    }

    [Fact]
    public void A_filter_that_fits_nothing_is_warned_of_where_it_stands()
    {
        var plan = _project.Plan("""
            merge_method: linear
            keep_tensors: [lm_head]
            models:
              - model: models/a
                parameters:
                  weight:
                    - {filter: self_atn, value: 1}
                    - {value: 2}
              - {model: models/b, parameters: {weight: 1}}
            """);
        Assert.Equal(
            [("MTK2010", 2, 15), ("MTK2010", 7, 11)],
            plan.Layout.Warnings.Select(warning => ((string)warning.Code, warning.Location!.Line, warning.Location.Column)));
        Assert.Contains("self_atn", plan.Layout.Warnings[1].Message, StringComparison.Ordinal);
        Assert.All(plan.Layout.Warnings, warning => Assert.True(warning.IsWarning));
    }

    [Fact]
    public void The_table_of_parameters_shows_a_gradient_layer_by_layer()
    {
        var plan = _project.Plan("""
            merge_method: slerp
            base_model: models/a
            models: [{model: models/b}]
            keep_tensors: ["lm_head.*"]
            parameters:
              t:
                - {filter: self_attn, value: [0, 0.5, 1]}
                - {filter: mlp, value: [1, 0.5, 0.5]}
                - {value: 0.5}
            """);
        Assert.Equal(
            [
                "recipe: model.embed_tokens.weight, model.norm.weight: t=0.5",
                "recipe: model.layers.*.input_layernorm.weight: t=0.5",
                "recipe: model.layers.*.mlp.down_proj.weight:",
                "recipe:   layer 0    t=1",
                "recipe:   layer 1–2  t=0.5",
                "recipe: model.layers.*.self_attn.q_proj.weight:",
                "recipe:   layer 0  t=0",
                "recipe:   layer 1  t=0.5",
                "recipe:   layer 2  t=1",
                "recipe: lm_head.weight: taken from one model as it is",
            ],
            ParameterTable.Of(plan));
        plan = _project.Plan(
            "merge_method: linear\nmodels:\n  - {model: models/a, parameters: {weight: 0.3}}\n  - {model: models/b, parameters: {weight: "
                + "[0.2, 0.7]}}\n");
        Assert.Equal(
            [
                "recipe: lm_head.weight, model.embed_tokens.weight, model.norm.weight: models/a weight=0.3, models/b weight=0.2, "
                    + "normalize=true",
                "recipe: model.layers.*:",
                "recipe:   layer 0  models/a weight=0.3, models/b weight=0.2, normalize=true",
                "recipe:   layer 1  models/a weight=0.3, models/b weight=0.45, normalize=true",
                "recipe:   layer 2  models/a weight=0.3, models/b weight=0.7, normalize=true",
            ],
            ParameterTable.Of(plan));
    }

    private static double[] Weights(MergePlan plan, string tensor) => [.. Context(plan, tensor).Inputs.Select(input => input["weight"])];

    private static TensorContext Context(MergePlan plan, string tensor) =>
        plan.Tensors.Single(planned => planned.Output.Name == tensor).Context!;
}
