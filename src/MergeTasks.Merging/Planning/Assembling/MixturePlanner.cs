using System.Globalization;
using System.Text.Json;
using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Experts;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>
/// Puts dense models together as a mixture of experts: attention, norms, embeddings and files of the base, the feed-forward parts of the
/// others as experts, and routers made from the experts' prompts (https://github.com/arcee-ai/mergekit/blob/main/docs/moe.md).
/// </summary>
/// <param name="merge">The declaration.</param>
/// <param name="models">Its models in order.</param>
/// <param name="donor">The base.</param>
/// <param name="measurable">Knows what can be measured.</param>
/// <param name="cancellation">Ends digesting.</param>
internal sealed class MixturePlanner(
    MergeDeclaration merge, IReadOnlyList<OpenModel> models, OpenModel donor, Measurable measurable, CancellationToken cancellation)
{
    private const double UsualInitializerRange = 0.02;

    private static readonly string[] Projections = ["gate_proj", "up_proj", "down_proj"];

    private readonly MixtureDeclaration _mixture = merge.Mixture!;
    private readonly List<(OpenModel Model, ExpertDeclaration Expert)> _routed =
        [.. models.Zip(merge.Mixture!.Experts).Where(pair => !pair.Second.IsShared)];

    private readonly (OpenModel Model, ExpertDeclaration Expert)? _shared = models.Zip(merge.Mixture!.Experts)
        .Where(pair => pair.Second.IsShared).Select(pair => ((OpenModel, ExpertDeclaration)?)pair).FirstOrDefault();

    private readonly Dictionary<ExpertDeclaration, PlannedStatistic> _directions = [];
    private readonly Dictionary<string, AssembledTensor> _tensors = new(StringComparer.Ordinal);
    private int _layers;

    /// <summary>The mixture as a model, and the scores that its routers are made of.</summary>
    /// <exception cref="DiagnosticException">The models cannot become a mixture.</exception>
    public (OpenModel Model, IReadOnlyList<PlannedStatistic> Scores) Plan()
    {
        var form = Form();
        var (inner, hidden) = RequireFits(form);
        var config = form.Config(donor.Input.Config, inner, _routed.Count, _mixture.ExpertsPerToken, _shared is null ? 0 : 1);
        if (!_mixture.IsRandom)
            PlanDirections(form);
        for (var layer = 0; layer < _layers; layer++)
        {
            AddExperts(form, layer, inner, hidden);
            if (_shared is { } shared)
                AddShared(form, layer, shared, hidden);
        }

        AddInputBiases(form);
        var input = new AssembledInput(donor.Input, config, IsFeedForward, _tensors);
        return (new OpenModel(donor.Declaration, input), [.. _directions.Values]);
    }

    private static string At(int layer) => string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}");

    private static string Dense(int layer, string projection) => $"{At(layer)}.mlp.{projection}.weight";

    private static bool IsFeedForward(string name) =>
        name.StartsWith("model.layers.", StringComparison.Ordinal) && name.Contains(".mlp.", StringComparison.Ordinal);

    private MixtureForm Form()
    {
        var (type, shared) = (donor.Input.Config.ModelType, _shared is null ? 0 : 1);
        var takes = MixtureForm.All.Where(form => form.Takes.Contains(type)).ToList();
        if (takes.Count == 0)
            throw Fault($"'{donor.Declaration.Label}' is of the type '{type}', of which no mixture is made; "
                + $"{string.Join(", ", MixtureForm.All.SelectMany(form => form.Takes).Distinct())} are taken.");
        var form = _mixture.Architecture == MixtureArchitecture.Auto
            ? takes.Find(form => form.TakesShared(shared) && (form.SharedGate is not null || !HasSharedPrompts))
            : takes.Find(form => form.Architecture == _mixture.Architecture)
                ?? takes.Find(form => (form.Architecture, _mixture.Architecture) == (MixtureArchitecture.Qwen3, MixtureArchitecture.Qwen));
        if (form is null || !form.TakesShared(shared))
        {
            var fitting = takes.Where(form => form.TakesShared(shared)).Select(form => form.ModelType).ToList();
            throw Fault(
                $"models of the type '{type}' {(shared == 0 ? "without a" : "with a")} shared expert do not become "
                    + $"{form?.ModelType ?? (_mixture.Architecture == MixtureArchitecture.Auto ? "any mixture" : $"'{_mixture.Architecture}'")}"
                    + (fitting.Count > 0 ? $", but {string.Join(" or ", fitting)}."
                    : form is { NeedsShared: true } || takes.Exists(form => form.NeedsShared)
                        ? "; that needs exactly one: 'shared_experts', or SharedExpert=\"true\" on a MergeSource."
                        : "; leave it out."));
        }

        return form.SharedGate is null && HasSharedPrompts
            ? throw Fault($"the shared expert has prompts, and {form.ModelType} has no gate that they could open: it counts fully for every "
                + "token. Leave them out, or say 'architecture: qwen' (MixtureArchitecture=\"qwen\").")
            : form;
    }

    private bool HasSharedPrompts => _shared is { Expert: { PositivePrompts.Count: > 0 } or { NegativePrompts.Count: > 0 } };

    // All models have the feed-forward parts, of the base's shape, and the base has nothing that the mixture could not hold.
    private (int Inner, int Hidden) RequireFits(MixtureForm form)
    {
        _layers = donor.Input.Config.LayerCount
            ?? throw Fault($"the configuration of '{donor.Declaration.Label}' does not say how many layers it has.");
        if (donor.Input.Find(Dense(0, Projections[0])) is not { Shape: [var inner, var hidden] })
            throw Fault($"'{donor.Declaration.Label}' has no tensor '{Dense(0, Projections[0])}' with two dimensions; its feed-forward "
                + "parts are not those of Llama.");
        var bias = donor.Input.Names.FirstOrDefault(name => name.EndsWith(".bias", StringComparison.Ordinal)
            && (IsFeedForward(name) || !form.AllowsInputBias || name.EndsWith("o_proj.bias", StringComparison.Ordinal)));
        if (bias is not null)
            throw Fault($"'{donor.Declaration.Label}' has '{bias}', and {form.ModelType} has no such bias.");
        var errors = new List<Diagnostic>();
        foreach (var (model, expert) in models.Zip(_mixture.Experts))
        {
            var index = new TensorIndex(model.Input, donor.Input.Names);
            foreach (var name in Enumerable.Range(0, _layers).SelectMany(layer => Projections.Select(part => Dense(layer, part))))
            {
                IReadOnlyList<long> wanted =
                    name.EndsWith("down_proj.weight", StringComparison.Ordinal) ? [hidden, inner] : [inner, hidden];
                if (index.Same(name) is not { } own)
                    errors.Add(merge.Error(
                        DiagnosticCode.MissingTensor, $"the expert '{model.Declaration.Label}' has no tensor '{name}'.", expert.Location));
                else if (model.Input.Find(own)!.Shape is var shape && !shape.SequenceEqual(wanted))
                    errors.Add(merge.Error(
                        DiagnosticCode.ShapeMismatch,
                        $"the tensor '{name}' of the expert '{model.Declaration.Label}' is {Shown(shape)}, and experts of "
                            + $"'{donor.Declaration.Label}' are {Shown(wanted)}.",
                        expert.Location));
                else
                    continue;
                break;
            }
        }

        return errors.Count > 0 ? throw new DiagnosticException(errors) : ((int)inner, (int)hidden);
    }

    private static string Shown(IReadOnlyList<long> shape) => $"[{string.Join(", ", shape)}]";

    private void PlanDirections(MixtureForm form)
    {
        var tokenizer = measurable.Tokenizer(donor);
        var begin = BeginOf();
        var tokens = new PromptTokens(tokenizer, begin);
        var run = new RunnableModel(donor.Input, measurable.Describe(donor), null, []);
        var table = _mixture.GateMode == GateMode.CheapEmbed
            ? VocabularyTensors.TableOf(donor.Input) ?? throw Fault($"no embeddings were found in '{donor.Declaration.Label}'.")
            : null;
        foreach (var (_, expert) in _routed.Append(_shared ?? default).Where(pair => pair.Expert is not null))
        {
            if (expert.IsShared && (form.SharedGate is null || expert.PositivePrompts.Count == 0))
                continue;
            List<KeyValuePair<string, string>> ingredients =
            [
                new("begin", begin), new("positive", Text(expert.PositivePrompts)), new("negative", Text(expert.NegativePrompts)),
            ];
            var key = table is null
                ? measurable.Key(
                    _mixture.GateMode == GateMode.HiddenAverage ? "mean hidden states of prompts" : "hidden states of prompts",
                    run, tokenizer, ingredients)
                : new ScoreKey("embeddings of prompts",
                    [
                        new("embeddings", donor.Input.Identity(table, cancellation).ToString()), new("layers", $"{_layers}"),
                        new("tokenizer", tokenizer.Digest.ToString()), .. ingredients,
                    ]);
            _directions[expert] = new PlannedStatistic(
                new PromptRequest(
                    key, donor.Declaration, run, tokens, expert, _layers, layer => $"{At(layer)}.input_layernorm", table,
                    _mixture.GateMode == GateMode.HiddenAverage),
                new Dictionary<string, Transformers.Engine.ModuleDescription?>());
        }

        static string Text(IReadOnlyList<string> prompts) => JsonSerializer.Serialize(prompts);
    }

    private void AddExperts(MixtureForm form, int layer, int inner, int hidden)
    {
        var separate = form.IsAlwaysSeparate || _mixture.StoresSeparately;
        var block = $"{At(layer)}.{(separate ? form.SeparateBlock : "mlp")}";
        var experts = _routed.Select((pair, i) => Projections.Select(part => Of(pair, layer, part, i)).ToList()).ToList();
        _tensors[$"{block}.gate.weight"] = Router(layer, [.. _routed.Select(pair => pair.Expert)], hidden, $"{block}.gate.weight");
        if (!separate)
        {
            _tensors[$"{block}.experts.gate_up_proj"] =
                AssembledTensor.Stack([_routed.Count, 2 * inner, hidden], [.. experts.SelectMany(parts => parts.Take(2))]);
            _tensors[$"{block}.experts.down_proj"] =
                AssembledTensor.Stack([_routed.Count, hidden, inner], experts.ConvertAll(parts => parts[2]));
            return;
        }

        var (gate, up, down) = form.SeparateNames;
        foreach (var (i, parts) in experts.Index())
        {
            foreach (var (name, tensor) in new[] { gate, up, down }.Zip(parts))
                _tensors[string.Create(CultureInfo.InvariantCulture, $"{block}.experts.{i}.{name}.weight")] = tensor;
        }
    }

    private void AddShared(MixtureForm form, int layer, (OpenModel Model, ExpertDeclaration Expert) shared, int hidden)
    {
        var block = $"{At(layer)}.mlp";
        foreach (var part in Projections)
        {
            _tensors[$"{block}.{form.SharedBlock}.{part}.weight"] = Of(shared, layer, part, -1);
        }

        if (form.SharedGate is { } gate)
            _tensors[$"{block}.{gate}.weight"] = Router(layer, [shared.Expert], hidden, $"{block}.{gate}.weight");
    }

    // A row for each expert. A shared one without prompts is always half open: the sigmoid of 0.
    private AssembledTensor Router(int layer, IReadOnlyList<ExpertDeclaration> experts, int hidden, string name)
    {
        var type = donor.Input.Find($"{At(layer)}.input_layernorm.weight")!.DType;
        IReadOnlyList<long> shape = [experts.Count, hidden];
        if (_mixture.IsRandom)
        {
            // A new linear layer's numbers lie evenly within the inverse root of its width.
            var (count, isUniform) = (experts.Count * hidden, _mixture.GateMode == GateMode.UniformRandom);
            var scale = isUniform ? 1 / Math.Sqrt(hidden) : InitializerRange();
            return new(type, shape, DType.F32,
                () => new TensorInMemory(Draw(isUniform, name, count, scale)),
                _ => ContentDigest.Of(string.Create(
                    CultureInfo.InvariantCulture,
                    $"random router 2\n{(isUniform ? "uniform\n" : "")}{merge.Seed}\n{name}\n{count}\n{scale:R}\n")));
        }

        if (experts is [{ IsShared: true } shared] && !_directions.ContainsKey(shared))
            return new(type, shape, DType.F32, () => new TensorInMemory(new float[hidden]), _ => ContentDigest.Of($"zeros\n{hidden}\n"));
        var rows = experts.Select(expert => _directions[expert]).ToList();
        return new(type, shape, DType.F32,
            () => new SegmentedTensor([.. rows.Select(row => (row.Open(PromptRequest.NameOf(layer)), 0L, (long)hidden))]),
            _ => ContentDigest.Of($"router 1\n{layer}\n{string.Join('\n', rows.Select(row => row.Request.Key.Digest))}\n"));
    }

    private float[] Draw(bool isUniform, string name, int count, double scale)
    {
        var (numbers, values) = (new DrawnNumbers(merge.Seed, name), new float[count]);
        if (isUniform)
            numbers.Uniform(0, values, scale);
        else
            numbers.Normal(0, values, scale);
        return values;
    }

    private double InitializerRange() =>
        donor.Input.Config.Member("initializer_range") is { ValueKind: JsonValueKind.Number } range
            ? range.GetDouble()
            : UsualInitializerRange;

    // A matrix of an expert, in the base's type, with the noise and the factor that are asked for.
    private AssembledTensor Of((OpenModel Model, ExpertDeclaration Expert) of, int layer, string part, int place)
    {
        var name = Dense(layer, part);
        var tensor = AssembledTensor.Of(of.Model.Input, new TensorIndex(of.Model.Input).Same(name)!) with
        {
            DType = donor.Input.Find(name)!.DType,
        };
        if (of.Expert.NoiseScale is > 0 and var deviation)
            tensor = tensor.WithNoise(merge.Seed, string.Create(CultureInfo.InvariantCulture, $"{name}\n{place}"), deviation);
        return part == "down_proj" && of.Expert.ResidualScale is not (null or 1) ? tensor.Scaled(of.Expert.ResidualScale!.Value) : tensor;
    }

    // Of queries, keys and values, where the mixture has them and the base has not.
    private void AddInputBiases(MixtureForm form)
    {
        for (var layer = 0; form.NeedsInputBias && layer < _layers; layer++)
        {
            foreach (var part in new[] { "q_proj", "k_proj", "v_proj" })
            {
                var (weight, bias) = ($"{At(layer)}.self_attn.{part}.weight", $"{At(layer)}.self_attn.{part}.bias");
                if (donor.Input.Find(bias) is not null || donor.Input.Find(weight) is not { Shape: [var rows, _] } spec)
                    continue;
                _tensors[bias] = new(
                    spec.DType, [rows], DType.F32, () => new TensorInMemory(new float[rows]), _ => ContentDigest.Of($"zeros\n{rows}\n"));
            }
        }
    }

    // The token with which texts begin, as the tokenizer's settings name it; it is written before prompts whatever else the tokenizer adds.
    private string BeginOf() => TokenizerSettings.Of(donor.Input.SideFiles(cancellation)).Begin ?? "";

    private DiagnosticException Fault(string message) => merge.Fault(DiagnosticCode.NoMixture, message);
}
