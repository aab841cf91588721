using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Recipes;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Planning.Adapters;
using MergeTasks.Merging.Planning.Layout;
using MergeTasks.Merging.Planning.Tensors;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Planning;

/// <summary>Plans merges whose output is a LoRA adapter: weighted sums of adapters, and what fine-tuning changed.</summary>
/// <param name="merge">The declaration.</param>
/// <param name="method">Its method.</param>
/// <param name="threads">Threads that will compute.</param>
/// <param name="cancellation">Ends digesting.</param>
internal sealed class AdapterPlanner(MergeDeclaration merge, MergeMethod method, int threads, CancellationToken cancellation)
{
    private const string WeightSuffix = ".weight";
    private const string BiasSuffix = ".bias";

    // Families whose linear modules store [in, out].
    private static readonly string[] TransposedModules = [".c_attn.weight", ".c_proj.weight", ".c_fc.weight"];

    private static readonly MergeMethod Keep = new PassthroughMethod();

    private readonly List<(TensorSpec Output, TensorSource Source)> _tensors = [];
    private readonly Dictionary<string, int> _ranks = new(StringComparer.Ordinal);
    private readonly HashSet<string> _wholeModules = new(StringComparer.Ordinal);
    private readonly List<string> _remarks = [];
    private bool _keepsTies;
    private Func<string, string> _moduleName = name => name;

    /// <summary>Refuses settings that have no meaning for an adapter.</summary>
    /// <exception cref="DiagnosticException">There are some.</exception>
    public void RefuseWhatOnlyModelsHave()
    {
        (string What, SourceLocation Location)[] settings =
        [
            .. merge.NeedsScores ? new[] { ("AIM and APL", merge.Location) } : [],
            .. merge.IsWhole ? [] : new[] { ("slices and modules", merge.Location) },
            .. merge.Tokenizer is { } tokenizer ? new[] { ("a vocabulary", tokenizer.Location) } : [],
            .. merge.ChatTemplate is { } template ? new[] { ("a chat template", template.Location) } : [],
        ];
        if (settings.Length > 0)
            throw new DiagnosticException([
                .. settings.Select(setting =>
                    new Diagnostic(
                        DiagnosticCode.AdapterOutput,
                        $"Merge '{merge.Name}' makes an adapter, for which {setting.What} cannot be set.",
                        setting.Location))
            ]);
    }

    /// <summary>Plans the weighted sum of adapters.</summary>
    /// <exception cref="DiagnosticException">The adapters, or the method, are none of which that can be made.</exception>
    public MergePlan Combine(IReadOnlyList<OpenModel> models)
    {
        var adapters = models.Select(model => (model.Declaration, Input: (AdapterInput)model.Input)).ToList();
        foreach (var (declaration, input) in adapters)
        {
            var whole = input.Adapter.Replacements.Keys.Concat(input.Adapter.TokenRows.Keys);
            if (whole.Order(StringComparer.Ordinal).FirstOrDefault() is { } first)
            {
                throw merge.Fault(DiagnosticCode.AdapterOutput,
                    $"'{declaration.Label}' brings whole parameters ('{first}'), which cannot be added up without the base. Name the base.",
                    declaration.Location);
            }

            if (input.Adapter.Modules.FirstOrDefault(module =>
                module.Place is not null || module.Bias is not null || module.A.Shape.Count > 2) is { } special)
            {
                throw merge.Fault(DiagnosticCode.AdapterOutput,
                    $"'{declaration.Label}' changes '{special.Name}', which is more than one matrix (experts in a "
                        + "stack, a convolution, a bias in the change), so that factors cannot be put side by side. Name the base.",
                    declaration.Location);
            }
        }

        var modules = adapters.SelectMany(adapter => adapter.Input.Adapter.Modules)
            .Select(module => module.Name)
            .Distinct()
            .Order(StringComparer.Ordinal)
            .ToList();
        _keepsTies = adapters.TrueForAll(adapter => adapter.Input.Adapter.Config.KeepsTies);
        var layers = LayersOf(modules);
        foreach (var name in modules)
            Stack(name, Position(name, layers), adapters);
        return Plan(models, adapters.Exists(adapter => adapter.Input.Adapter.Config.IsTransposed),
            adapters.Select(adapter => adapter.Input.Adapter.Config.BaseModel).OfType<string>().Distinct().ToList() is [var only]
                ? only
                : null,
            adapters.Select(adapter => adapter.Input.Adapter.Config.Task).OfType<string>().Distinct().ToList() is [var task] ? task : null,
            adapters.Select(adapter => adapter.Input.Adapter.Config.AutoMapping)
                .OfType<(string, string)>()
                .Distinct()
                .ToList() is [var mapping] ? mapping : null);
    }

    /// <summary>Plans the extraction of an adapter.</summary>
    /// <exception cref="DiagnosticException">The models have different tensors.</exception>
    public MergePlan Extract(IReadOnlyList<OpenModel> models)
    {
        var baseModel = models.First(model => model.Declaration.IsSameModel(merge.Base!));
        var tuned = models.First(model => model.Input != baseModel.Input);
        _moduleName = ModuleNames.In(tuned.Input.Config.Architecture, tuned.Input.Names);
        var index = new TensorIndex(baseModel.Input);
        var rows = new Lazy<SharedTokens>(() => new SharedTokens(baseModel.Input, tuned.Input, cancellation));
        var tables = RequireSame(baseModel, tuned, index);
        var isTransposed = false;
        var names = tuned.Input.Names
            .Where(name => IsExtracted(name) && tuned.Input.Find(name)!.DType.IsFloatingPoint()
            && tuned.Input.Identity(name, cancellation) is var identity
                && (identity.Equals(default) || !identity.Equals(baseModel.Input.Identity(index.Find(name)!, cancellation)))).ToList();
        var matrices = names.Where(name =>
            name.EndsWith(WeightSuffix, StringComparison.Ordinal) && tuned.Input.Find(name)!.Shape is [> 0, > 0]).ToList();
        var layers = tuned.Input.Config.LayerCount ?? LayersOf(tuned.Input.Names);
        foreach (var name in matrices)
        {
            var own = index.Find(name)!;
            var stored = baseModel.Input.Find(own)!;
            var isEmbedding = TensorNames.IsTable(name);
            var isModuleTransposed = isEmbedding
                || (tuned.Input.Config.ModelType is "gpt2" or "openai-gpt"
                    && Array.Exists(TransposedModules, suffix => name.EndsWith(suffix, StringComparison.Ordinal)));
            isTransposed |= isModuleTransposed && !isEmbedding;
            // Libraries build a router, whose module is no linear one, with the usual rank alone, so its factors are filled up with zeros.
            var asked = (int)Math.Round(Value(ExtractLoraMethod.Rank, null, name, Position(name, layers)));
            var rank = TensorNames.IsRouter(name) ? asked : (int)Math.Min(asked, Math.Min(stored.Shape[0], stored.Shape[1]));
            var module = new ExtractedModule(
                new ModelTensor(tuned.Input, name), new ModelTensor(baseModel.Input, own), rank, isModuleTransposed, threads)
            {
                Rows = tables.Contains(name) || TensorNames.IsEmbedding(name) || TensorNames.IsHead(name)
                    ? rows.Value.Of(stored.Shape[0], tuned.Input.Find(name)!.Shape[0])
                    : null,
            };
            if (module.Rows is { } map)
                Tell(name, map, tuned.Input.Find(name)!.Shape[0]);
            var (outs, ins) = isModuleTransposed ? (stored.Shape[1], stored.Shape[0]) : (stored.Shape[0], stored.Shape[1]);
            Add(
                _moduleName(name)[..^WeightSuffix.Length],
                isEmbedding,
                rank,
                ins,
                outs,
                new ExtractedFactor(module, true),
                new ExtractedFactor(module, false),
                tuned.Input.Find(name)!.DType);
            if (TiedHead(name, tuned.Input, index) is not { } head)
                continue;

            // Loaded on a tied model, factors of the embeddings alone would leave the head as it was.
            _keepsTies = true;
            var again = module with { IsTransposed = false };
            Add(
                head[..^WeightSuffix.Length],
                false,
                rank,
                stored.Shape[1],
                stored.Shape[0],
                new ExtractedFactor(again, true),
                new ExtractedFactor(again, false),
                tuned.Input.Find(name)!.DType);
        }

        foreach (var name in names.Except(matrices, StringComparer.Ordinal).Where(name => !tables.Contains(name)))
            AddWhole(name, tuned.Input);

        // A module that is saved whole is loaded whole, so what did not change of it is there too.
        var written = _tensors.Select(tensor => tensor.Output.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var name in tuned.Input.Names.Where(name =>
            _wholeModules.Contains(ModuleOf(_moduleName(name)))
                && !written.Contains(AdapterNames.Prefix + _moduleName(name))
                && !TensorNames.IsBuffer(name)))
            AddWhole(name, tuned.Input);
        return Plan(
            models,
            isTransposed,
            HubName(merge.Base!.Label),
            PeftClasses.TaskOf(tuned.Input.Config),
            PeftClasses.ClassOf(tuned.Input.Config));
    }

    // The head that is the embeddings, where neither model stores one.
    private static string? TiedHead(string name, ModelInput tuned, TensorIndex baseModel) =>
        TensorNames.IsEmbedding(name)
            && tuned.Config.TiesHead
            && TensorNames.HeadTiedTo(name) is { } head
            && baseModel.Same(head) is null
            && new TensorIndex(tuned).Same(head) is null ? head : null;

    private bool IsExtracted(string name) => !TensorNames.IsBuffer(name) && merge.Tensors.Includes(name);

    private void Tell(string name, int[] map, long tunedRows)
    {
        var (taken, lacking) = (map.Where(row => row >= 0).Distinct().Count(), map.Count(row => row < 0));
        if (taken < tunedRows || lacking > 0)
            _remarks.Add(
                $"of '{name}' the adapter has the change of the {taken} rows that both models have; {tunedRows - taken} rows of the model's "
                    + $"own are not in it, {lacking} rows of the base have none to be compared with");
    }

    private void Stack(string name, double position, List<(ModelDeclaration Declaration, AdapterInput Input)> adapters)
    {
        var found = adapters
            .Select(adapter =>
                (adapter.Declaration,
                    adapter.Input,
                    Module: adapter.Input.Adapter.Modules.FirstOrDefault(module => module.Name == name),
                    Weight: Value("weight", adapter.Declaration, name + WeightSuffix, position))).ToList();
        var divisor = Value("normalize", null, name + WeightSuffix, position) != 0 ? found.Sum(part => part.Weight) : 1;
        var parts = found.Where(part => part.Module is not null)
            .Select(part => (part.Input, Module: part.Module!, Weight: part.Weight / divisor))
            .ToList();
        var (first, other) =
            (parts[0].Module,
                found.Find(part =>
                    part.Module is { } own
                        && (own.In != parts[0].Module.In
                            || own.Out != parts[0].Module.Out
                            || own.IsEmbedding != parts[0].Module.IsEmbedding)));
        if (other.Module is { } module)
        {
            throw merge.Fault(DiagnosticCode.ShapeMismatch,
                $"the adapters change '{name}' by matrices of [{first.Out}, {first.In}] and "
                    + $"[{module.Out}, {module.In}]; they were trained on different models.", other.Declaration.Location);
        }

        Add(
            name,
            first.IsEmbedding,
            checked((int)parts.Sum(part => part.Module.Rank)),
            first.In,
            first.Out,
            new StackedFactor(parts, true),
            new StackedFactor(parts, false),
            first.A.DType);
    }

    private void Add(string module, bool isEmbedding, int rank, long ins, long outs, TensorSource a, TensorSource b, DType stored)
    {
        _ranks[module] = rank;
        var name = AdapterNames.Prefix + module;
        var dtype = merge.OutDType ?? merge.DType ?? stored;
        _tensors.Add((new TensorSpec(name + (isEmbedding ? ".lora_embedding_A" : ".lora_A.weight"), dtype, [rank, ins]), a));
        _tensors.Add((new TensorSpec(name + (isEmbedding ? ".lora_embedding_B" : ".lora_B.weight"), dtype, [outs, rank]), b));
    }

    // Norms and biases have no factors; a bias of a module with factors lies under the library's wrapper.
    private void AddWhole(string name, ModelInput tuned)
    {
        var stored = tuned.Find(name)!;
        var called = _moduleName(name);
        var module = ModuleOf(called);
        var isBias = name.EndsWith(BiasSuffix, StringComparison.Ordinal) && _ranks.ContainsKey(module);
        if (!isBias)
            _wholeModules.Add(module);
        var output = AdapterNames.Prefix + (isBias ? $"{module}.base_layer{BiasSuffix}" : called);
        _tensors.Add((new TensorSpec(output, merge.OutDType ?? merge.DType ?? stored.DType, stored.Shape), new ModelTensor(tuned, name)));
    }

    private static string ModuleOf(string parameter) => parameter[..Math.Max(0, parameter.LastIndexOf('.'))];

    // What others can find the base by: without this project's scheme and revision.
    private static string HubName(string label)
    {
        const string scheme = "hf:";
        return label.StartsWith(scheme, StringComparison.Ordinal) ? label[scheme.Length..].Split('@')[0] : label;
    }

    private MergePlan Plan(
        IReadOnlyList<OpenModel> models,
        bool isTransposed,
        string? baseModel,
        string? task = null,
        (string Class, string Library)? mapping = null)
    {
        if (_tensors.Count == 0)
            throw merge.Fault(
                    DiagnosticCode.AdapterOutput,
                    "the model and its base are the same, so there is nothing to make an adapter of.");
        var tensors = _tensors.OrderBy(tensor => tensor.Output.Name, StringComparer.Ordinal)
            .Select(tensor => Plan(tensor.Output, tensor.Source))
            .ToList();
        var shard = ShardLayout.OneFile(LoraAdapter.WeightsFileName, tensors.Select(tensor => tensor.Output), [new("format", "pt")]);
        var hasBiases = _tensors.Exists(tensor => tensor.Output.Name.EndsWith(".base_layer.bias", StringComparison.Ordinal));
        return new MergePlan(merge, method, models, tensors, [shard], ModelConfig.None, [])
        {
            Layout = new OutputLayout([], ModelConfig.None),
            Remarks = _remarks,
            AdapterConfig = AdapterConfigText.Of(_ranks, _wholeModules, hasBiases, isTransposed, baseModel, _keepsTies, task, mapping),
        };
    }

    private TensorPlan Plan(TensorSpec output, TensorSource source)
    {
        var context = new TensorContext(
            output.Name,
            output.Shape,
            [new TensorInput(0, false, new Dictionary<string, double> { ["scale"] = 1 })],
            new Dictionary<string, double>())
        { Workers = threads, KeepsNonFinite = merge.KeepsNonFinite };
        IReadOnlyList<TensorSource> sources = [source];
        return new TensorPlan(
            output, sources, context, TensorPlan.KeyOf(output, Keep, sources, context, null, cancellation))
        { KeepWith = Keep };
    }

    private double Value(string parameter, ModelDeclaration? model, string tensor, double position)
    {
        var declared = method.Parameters.First(known => known.Name == parameter);
        Setting?[] settings = [model?.Parameters.GetValueOrDefault(parameter), merge.Parameters.GetValueOrDefault(parameter)];
        return settings.Select(setting => setting?.Evaluate(tensor, position)).FirstOrDefault(value => value is not null)
            ?? declared.Default
            ?? throw merge.Fault(
                    DiagnosticCode.MissingParameter,
                    $"no condition gives '{parameter}' a value for '{tensor}'. End the list with a value without a "
                        + "filter.",
                    model?.Location ?? merge.Location);
    }

    // The tables of tokens that have other numbers of rows.
    private HashSet<string> RequireSame(OpenModel baseModel, OpenModel tuned, TensorIndex index)
    {
        var missing = tuned.Input.Names.Where(name => IsExtracted(name) && index.Find(name) is null).ToList();
        if (missing.Count > 0)
            throw merge.Fault(
                    DiagnosticCode.MissingTensor,
                    $"'{baseModel.Declaration.Label}' lacks "
                        + $"'{missing[0]}'{(missing.Count > 1 ? $" and {missing.Count - 1} more" : "")} of '{tuned.Declaration.Label}', "
                        + "so its change is not known.",
                    tuned.Declaration.Location);
        var differing = tuned.Input.Names
            .Where(name => IsExtracted(name)
                && !baseModel.Input.Find(index.Find(name)!)!.Shape.SequenceEqual(tuned.Input.Find(name)!.Shape))
            .ToHashSet(StringComparer.Ordinal);
        var (rows, tunedRows) = (VocabularyTensors.RowsOf(baseModel.Input), VocabularyTensors.RowsOf(tuned.Input));
        var other = differing.Order(StringComparer.Ordinal).FirstOrDefault(name =>
            rows is null
                || tunedRows is null
                || !VocabularyTensors.Is(baseModel.Input, index.Find(name)!, rows.Value)
                || !VocabularyTensors.Is(tuned.Input, name, tunedRows.Value)
                || !baseModel.Input.Find(index.Find(name)!)!.Shape.Skip(1).SequenceEqual(tuned.Input.Find(name)!.Shape.Skip(1)));
        if (other is not null)
        {
            throw merge.Fault(DiagnosticCode.ShapeMismatch,
                $"'{other}' is {TensorInfo.Shown(tuned.Input.Find(other)!.Shape)} in '{tuned.Declaration.Label}' "
                    + $"and {TensorInfo.Shown(baseModel.Input.Find(index.Find(other)!)!.Shape)} in '{baseModel.Declaration.Label}', so its change "
                    + $"is not known. KeepTensors=\"{other}\" leaves it out.", tuned.Declaration.Location);
        }

        return differing;
    }

    private static int LayersOf(IEnumerable<string> names) =>
        names.Select(name => LayerPosition.LayerOf(name) + 1 ?? 0).DefaultIfEmpty(0).Max();

    private static double Position(string name, int layers) =>
        LayerPosition.LayerOf(name) is { } layer && layer < layers ? LayerPosition.Of(layer, layers) : 0;
}
