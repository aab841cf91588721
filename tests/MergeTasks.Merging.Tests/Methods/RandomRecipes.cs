using System.Globalization;
using System.Text;
using MergeTasks.Merging.Tests.Language;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>
/// Recipes put together at random (methods, gradients, filters, slices): each gives what the formulas of the tests give, written slowly
/// in double precision, with the settings that the language's rules give each tensor; and so does the compatibility mode in fp32, where no
/// mask is drawn and no sum over a whole tensor decides on single elements.
/// </summary>
public sealed class RandomRecipes : IDisposable
{
    private const int Layers = 4;

    private static readonly string[] Exact =
        ["linear", "slerp", "task_arithmetic", "ties", "nuslerp", "multislerp", "karcher", "passthrough", "nearswap"];

    private static readonly string[] Others =
        ["dare_linear", "dare_ties", "della", "della_linear", "breadcrumbs", "breadcrumbs_ties", "sce", "ram", "ramplus_tl", "arcee_fusion"];

    private static readonly string[] Weighted =
        ["ties", "dare_linear", "dare_ties", "della", "della_linear", "breadcrumbs", "breadcrumbs_ties"];

    private readonly RecipeProject _project = new();
    private readonly Dictionary<string, Dictionary<string, RawTensor>> _tensors = [];

    public RandomRecipes()
    {
        foreach (var (name, seed) in new[] { ("base", 1), ("a", 2), ("b", 3), ("c", 4) })
            _tensors[name] = _project.Decoder(name, seed, Layers, "\"tie_word_embeddings\": false");
    }

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Follow_the_formula(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 12; i++)
        {
            var method = i < 8 ? Exact[random.Next(Exact.Length)] : Others[random.Next(Others.Length)];
            Compare(new Recipe(random, method), isExact: i < 8);
        }
    }

    [Theory]
    [InlineData("model_stock")]
    [InlineData("widen")]
    [InlineData("tsv")]
    [InlineData("pcb")]
    public void Follow_the_formula_without_settings_of_models(string method)
    {
        var random = new Random(4);
        for (var i = 0; i < 3; i++)
            Compare(new Recipe(random, method), isExact: method == "model_stock");
    }

    private void Compare(Recipe recipe, bool isExact)
    {
        var plain = _project.Build(recipe.Text);
        var compatible = _project.Build(recipe.Text, metadata: [("Compatibility", "mergekit"), ("Seed", "0")]);
        Assert.Equal(compatible.Keys.Order(), plain.Keys.Order());
        foreach (var (name, tensor) in plain)
        {
            bool Agrees(float[] values, bool isCompatible)
            {
                var expected = recipe.Expected(name, _tensors, isCompatible);
                var largest = expected.Max(Math.Abs);
                return values.Zip(expected).All(pair => Math.Abs(pair.First - pair.Second) <= 2e-5 * largest);
            }

            Assert.True(Agrees(tensor.Floats(), isCompatible: false), $"{name} in\n{recipe.Text}");
            var values = compatible[name].Floats();
            Assert.True(
                isExact ? Agrees(values, isCompatible: true) : values.All(float.IsFinite), $"{name}, compatible, in\n{recipe.Text}");
        }
    }

    /// <summary>A parameter's text, and what it is for a tensor at a place t of its slice.</summary>
    private sealed record Setting(string Text, Func<string, double, double> At)
    {
        // Such that weights do not cancel, and densities are far enough from the ends for DELLA's probabilities.
        public static Setting Any(Random random)
        {
            double Value() => Math.Round(0.2 + (0.6 * random.NextDouble()), 3);
            var (a, b, c, d) = (Value(), Value(), Value(), Value());
            return random.Next(4) switch
            {
                0 => new(FormattableString.Invariant($"[{a}, {b}, {c}]"), (_, t) => Gradient([a, b, c], t)),
                1 => new(
                    FormattableString.Invariant(
                        $"[{{filter: mlp, value: {a}}}, {{filter: self_attn, value: [{b}, {c}]}}, {{value: {d}}}]"),
                    (name, t) => name.Contains("mlp", StringComparison.Ordinal) ? a
                        : name.Contains("self_attn", StringComparison.Ordinal) ? Gradient([b, c], t) : d),
                _ => new(a.ToString(CultureInfo.InvariantCulture), (_, _) => a),
            };
        }

        // Anchors at equal distances, the first at t = 0, the last at t = 1.
        private static double Gradient(double[] anchors, double t)
        {
            var place = t * (anchors.Length - 1);
            var before = (int)Math.Floor(place);
            var after = Math.Min(before + 1, anchors.Length - 1);
            return anchors[before] + ((place - before) * (anchors[after] - anchors[before]));
        }
    }

    private sealed class Recipe
    {
        private readonly string _method;
        private readonly List<string> _models;
        private readonly (int Start, int End)[] _slices;
        private readonly Dictionary<(int Slice, string Model, string Name), Setting> _own = [];
        private readonly Setting _common;
        private readonly double _lambda;
        private readonly bool _isOn;
        private readonly double _ratio;

        public Recipe(Random random, string method)
        {
            _method = method;
            _models = [.. new[] { "a", "b", "c" }.Take(method switch
            {
                "slerp" or "nearswap" or "arcee_fusion" => 1,
                "nuslerp" => 2,
                "passthrough" => 0,
                _ => random.Next(2, 4),
            })];
            if (method is "slerp" or "linear" or "karcher" or "nearswap" or "passthrough" or "arcee_fusion")
                _models.Insert(0, "base");
            _slices = random.Next(method is "model_stock" or "widen" or "tsv" ? 2 : 3) == 0 && !IsDrawn && method != "pcb"
                ? [(0, 2), (1, 4)]
                : [(0, Layers)];
            string[] names = Weighted.Contains(method) ? ["weight", "density"]
                : method is "linear" or "task_arithmetic" or "nuslerp" or "multislerp" ? ["weight"] : [];
            foreach (var slice in Enumerable.Range(0, _slices.Length))
            {
                foreach (var model in _models.Where(model => model != "base" || method == "linear"))
                {
                    foreach (var name in names)
                        _own[(slice, model, name)] = Setting.Any(random);
                }
            }

            _common = Setting.Any(random);
            _lambda = method is "task_arithmetic" or "ties" or "breadcrumbs" or "tsv" or "pcb" ? Math.Round(random.NextDouble(), 3) : 1;
            _isOn = method == "della"
                || (method is "task_arithmetic" or "ties" or "breadcrumbs" or "model_stock" && random.Next(2) == 0);
            _ratio = Math.Round(0.2 + (0.6 * random.NextDouble()), 3);
            Text = Write();
        }

        public string Text { get; }

        // Masks are drawn by the tensor's name, which in slices would be that of the output.
        private bool IsDrawn => _method is "dare_linear" or "dare_ties" or "della" or "della_linear";

        public double[] Expected(string output, Dictionary<string, Dictionary<string, RawTensor>> tensors, bool isCompatible)
        {
            // Embeddings take the first slice's settings, what follows the layers the last one's, both at t = 0.
            var (slice, name, t) = (output.Contains("embed", StringComparison.Ordinal) ? 0 : _slices.Length - 1, output, 0.0);
            if (output.Split('.') is ["model", "layers", var number, .. var rest])
            {
                var layer = int.Parse(number, CultureInfo.InvariantCulture);
                for (slice = 0; layer >= _slices[slice].End - _slices[slice].Start; slice++)
                    layer -= _slices[slice].End - _slices[slice].Start;
                t = layer / (_slices[slice].End - _slices[slice].Start - 1.0);
                name = $"model.layers.{_slices[slice].Start + layer}.{string.Join('.', rest)}";
            }

            Problem ProblemOf(string tensor)
            {
                double[] Elements(string model) => [.. tensors[model][tensor].Floats().Select(value => (double)value)];
                return new(tensor, tensors["base"][tensor].Shape, Elements("base"), [.. _models.Select(Elements)]);
            }

            if (_method == "pcb")
            {
                // One slice: the tensors of the output are those of the models.
                var names = tensors["base"].Keys.ToList();
                return WholeModelFormulas.Pcb([.. names.Select(ProblemOf)], _ratio, _lambda)[names.IndexOf(output)];
            }

            double[] Own(string parameter) => [.. _models.Where(model => _own.ContainsKey((slice, model, parameter)))
                .Select(model => _own[(slice, model, parameter)].At(name, t))];
            return Result(ProblemOf(name) with { Name = output }, Own("weight"), Own("density"), _common.At(output, t), isCompatible);
        }

        private double[] Result(Problem problem, double[] weights, double[] densities, double common, bool isCompatible)
        {
            double[] Thinned(double[] delta, int model, double gamma) => DeltaFormulas.Breadcrumbs(delta, densities[model], gamma);
            double[] Drawn(double[] delta, int model, double epsilon) =>
                DeltaFormulas.Della(delta, problem.Shape, densities[model], epsilon, problem.Name, model);
            double[] Combined(Func<double[], int, double[]> change, bool elects) => problem.OnDeltas(deltas =>
                DeltaFormulas.Combine([.. deltas.Select(change)], weights, elects, _isOn, _lambda));
            // Slices do not list the base of these methods, which then merge the models themselves.
            double[] Around(Func<double[][], double[]> formula) =>
                _slices.Length == 1 ? problem.OnDeltas(formula) : formula(problem.Models);
            return _method switch
            {
                "linear" => [.. problem.Base.Select((_, i) =>
                    problem.Models.Select((model, m) => weights[m] * model[i]).Sum() / weights.Sum())],
                "slerp" => SphereFormulas.Nuslerp(problem.Models[0], problem.Models[1], common),
                "nuslerp" => Around(vectors => SphereFormulas.Nuslerp(vectors[0], vectors[1], weights[1] / weights.Sum())),
                "multislerp" => Around(vectors => SphereFormulas.Multislerp(vectors, weights)),
                "karcher" => SphereFormulas.Karcher(problem.Models),
                "passthrough" => [.. problem.Base.Select(value => common * value)],
                "nearswap" => SelectionFormulas.Nearswap(problem.Base, problem.Models[1], common),
                "task_arithmetic" => Combined((delta, _) => delta, elects: false),
                "ties" => Combined((delta, m) => Thinned(delta, m, 0), elects: true),
                "breadcrumbs" => Combined((delta, m) => Thinned(delta, m, 0.01), elects: false),
                "breadcrumbs_ties" => Combined((delta, m) => Thinned(delta, m, 0.01), elects: true),
                "dare_linear" => Combined((delta, m) => Drawn(delta, m, 0), elects: false),
                "dare_ties" => Combined((delta, m) => Drawn(delta, m, 0), elects: true),
                "della_linear" => Combined((delta, m) => Drawn(delta, m, 0.15), elects: false),
                "della" => Combined((delta, m) => Drawn(delta, m, 0.15), elects: true),
                "sce" => problem.OnDeltas(deltas => SelectionFormulas.Sce(deltas, 1)),
                "model_stock" => problem.OnDeltas(deltas => _isOn
                    ? Problem.AlongDimension(
                        deltas, problem.Shape, problem.Shape.Length - 1, rows => SphereFormulas.ModelStock(rows, isCompatible))
                    : SphereFormulas.ModelStock(deltas, isCompatible)),
                "widen" => problem.OnDeltas(_ => SelectionFormulas.Widen(problem, _ratio, 0.75)),
                "tsv" => problem.OnDeltas(deltas => SingularFormulas.Tsv(deltas, problem.Shape, _lambda)),
                "ram" => problem.OnDeltas(deltas => SelectionFormulas.Ram(deltas, 1e-5)),
                "ramplus_tl" => problem.OnDeltas(deltas => SelectionFormulas.Ram(deltas, 1e-5, 0.1, 0.2)),
                _ => SelectionFormulas.Fusion(problem.Base, problem.Models[1], problem.Shape),
            };
        }

        private string Write()
        {
            var text = new StringBuilder($"merge_method: {_method}\nbase_model: models/base\ndtype: float32\n");
            text.Append(_slices.Length > 1 ? "slices:\n" : "models:\n");
            foreach (var (slice, (start, end)) in _slices.Index())
            {
                var range = _slices.Length > 1 ? FormattableString.Invariant($", layer_range: [{start}, {end}]") : "";
                var indent = _slices.Length > 1 ? "  " : "";
                if (_slices.Length > 1)
                    text.Append("- sources:\n");
                foreach (var model in _models)
                {
                    var settings = _own.Where(entry => entry.Key.Slice == slice && entry.Key.Model == model)
                        .Select(entry => $"{entry.Key.Name}: {entry.Value.Text}").ToList();
                    text.Append(CultureInfo.InvariantCulture, $"{indent}- {{model: models/{model}{range}");
                    text.Append(settings.Count > 0 ? $", parameters: {{{string.Join(", ", settings)}}}}}\n" : "}\n");
                }

                if (_slices.Length > 1 && !_models.Contains("base") && _method is not ("nuslerp" or "multislerp"))
                    text.Append(CultureInfo.InvariantCulture, $"  - {{model: models/base{range}}}\n");
            }

            text.Append(_method switch
            {
                "slerp" or "nearswap" => $"parameters: {{t: {_common.Text}}}\n",
                "passthrough" => $"parameters: {{scale: {_common.Text}}}\n",
                "model_stock" => $"parameters: {{filter_wise: {(_isOn ? "true" : "false")}}}\n",
                "widen" => FormattableString.Invariant(
                    $"parameters: {{above_average_value_ratio: {_ratio}, score_calibration_value: 0.75}}\n"),
                "tsv" => FormattableString.Invariant($"parameters: {{lambda: {_lambda}}}\n"),
                "pcb" => FormattableString.Invariant($"parameters: {{ratio: {_ratio}, lambda: {_lambda}}}\n"),
                "task_arithmetic" or "ties" or "breadcrumbs" => FormattableString.Invariant(
                    $"parameters: {{lambda: {_lambda}, normalize: {(_isOn ? "true" : "false")}}}\n"),
                _ => "",
            });
            return text.ToString();
        }
    }
}
