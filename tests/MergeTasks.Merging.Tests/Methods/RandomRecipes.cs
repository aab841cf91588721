using System.Globalization;
using System.Text;
using MergeTasks.Merging.Tests.Language;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>
/// Recipes put together at random (methods, gradients, filters, slices, types): everything is finite, and in fp32 compatibility mode
/// follows the same formulas as the default mode where no mask is drawn.
/// </summary>
public sealed class RandomRecipes : IDisposable
{
    private const int Layers = 4;

    // Without random masks, and without sums over a whole tensor that decide on single elements.
    private static readonly string[] Exact =
        ["linear", "slerp", "task_arithmetic", "ties", "nuslerp", "multislerp", "karcher", "passthrough", "nearswap"];

    private static readonly string[] Others =
        ["dare_linear", "dare_ties", "della", "della_linear", "breadcrumbs", "breadcrumbs_ties", "sce", "ram", "ramplus_tl", "arcee_fusion"];

    private readonly RecipeProject _project = new();

    public RandomRecipes()
    {
        foreach (var (name, seed) in new[] { ("base", 1), ("a", 2), ("b", 3), ("c", 4) })
            _project.Decoder(name, seed, Layers, "\"tie_word_embeddings\": false");
    }

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Are_finite_and_follow_the_formula(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 12; i++)
        {
            var method = i < 8 ? Exact[random.Next(Exact.Length)] : Others[random.Next(Others.Length)];
            var recipe = Recipe(random, method);
            var plain = _project.Build(recipe);
            var compatible = _project.Build(recipe, metadata: [("Compatibility", "mergekit"), ("Seed", "0")]);
            foreach (var (name, tensor) in plain)
            {
                var (one, other) = (tensor.Floats(), compatible[name].Floats());
                Assert.All(one.Concat(other), value => Assert.True(float.IsFinite(value), recipe));
                var largest = one.Max(Math.Abs);
                if (i < 8)
                    Assert.True(one.Zip(other).All(pair => Math.Abs(pair.First - pair.Second) <= 2e-5 * largest), $"{name} in\n{recipe}");
            }
        }
    }

    private static string Recipe(Random random, string method)
    {
        var text = new StringBuilder($"merge_method: {method}\nbase_model: models/base\ndtype: float32\n");
        var count = method switch
        {
            "slerp" or "nearswap" or "arcee_fusion" => 1,
            "nuslerp" => 2,
            "passthrough" => 0,
            _ => random.Next(2, 4),
        };
        var models = new[] { "a", "b", "c" }.Take(count).ToList();
        if (method is "slerp" or "linear" or "karcher" or "nearswap" or "passthrough" or "arcee_fusion")
            models.Insert(0, "base");
        var isSliced = method != "model_stock" && random.Next(3) == 0;
        var own = method is "slerp" or "karcher" or "nearswap" or "model_stock" or "passthrough" or "arcee_fusion" or "sce" or "ram" or "ramplus_tl"
            ? [] : new[] { "weight" };
        if (method is "ties" or "dare_linear" or "dare_ties" or "della" or "della_linear" or "breadcrumbs" or "breadcrumbs_ties")
            own = ["weight", "density"];
        if (isSliced)
        {
            text.Append("slices:\n");
            foreach (var (start, end) in new[] { (0, 2), (1, 4) })
            {
                text.Append("- sources:\n");
                foreach (var model in models)
                    Source(model, $", layer_range: [{start}, {end}]", "  ");
                if (!models.Contains("base") && method is not ("nuslerp" or "multislerp"))
                    text.Append(CultureInfo.InvariantCulture, $"  - {{model: models/base, layer_range: [{start}, {end}]}}\n");
            }
        }
        else
        {
            text.Append("models:\n");
            foreach (var model in models)
                Source(model, "", "");
        }

        if (method is "slerp")
            text.Append(CultureInfo.InvariantCulture, $"parameters: {{t: {Setting()}}}\n");
        else if (method is "nearswap")
            text.Append(CultureInfo.InvariantCulture, $"parameters: {{t: {random.NextDouble():0.###}}}\n");
        else if (method is "passthrough")
            text.Append(CultureInfo.InvariantCulture, $"parameters: {{scale: {Setting()}}}\n");
        else if (method is "task_arithmetic" or "ties" or "breadcrumbs")
            text.Append(CultureInfo.InvariantCulture, $"parameters: {{lambda: {random.NextDouble():0.###}, normalize: {(random.Next(2) == 0 ? "true" : "false")}}}\n");
        return text.ToString();

        void Source(string model, string range, string indent)
        {
            text.Append(CultureInfo.InvariantCulture, $"{indent}- {{model: models/{model}{range}");
            if (own.Length > 0 && (model != "base" || method == "linear"))
                text.Append(", parameters: {").AppendJoin(", ", own.Select(name => $"{name}: {Setting()}")).Append('}');
            text.Append("}\n");
        }

        // From 0.2 to 0.9, so that weights do not cancel.
        string Value() => (0.2 + (0.7 * random.NextDouble())).ToString("0.###", CultureInfo.InvariantCulture);
        string Setting() => random.Next(4) switch
        {
            0 => $"[{Value()}, {Value()}, {Value()}]",
            1 => $"[{{filter: mlp, value: {Value()}}}, {{filter: self_attn, value: [{Value()}, {Value()}]}}, {{value: {Value()}}}]",
            _ => Value(),
        };
    }
}
