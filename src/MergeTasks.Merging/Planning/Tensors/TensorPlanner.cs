using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning.Importance;
using MergeTasks.Merging.Planning.Layout;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Loading;
using MergeTasks.Methods.Random;
using MergeTasks.Numerics.Algebra;

namespace MergeTasks.Merging.Planning.Tensors;

/// <summary>Works out how each tensor of one merge is made from its layout: resolved parameters, random numbers, key.</summary>
internal sealed class TensorPlanner
{
    private static readonly MergeMethod Keep = new PassthroughMethod();

    private readonly MergeDeclaration _merge;
    private readonly MergeMethod _method;
    private readonly OutputLayout _layout;
    private readonly int _workers;
    private readonly DrawSequence? _draws;
    private readonly TensorImportancePlanner? _importance;
    private readonly StatisticsPlan? _statistics;
    private readonly ImportancePlan? _whole;
    private long _drawOffset;
    private TensorInput[] _lastInputs = [];

    /// <summary>Where methods on whole matrices compute, where that is worth it; <see langword="null"/>: on the processor.</summary>
    public IMatrixDevice? Device { get; init; }

    public TensorPlanner(MergeDeclaration merge, MergeMethod method, OutputLayout layout, ImportancePlan? importance, int workers)
    {
        (_merge, _method, _layout, _workers) = (merge, method, layout, workers);
        _whole = importance;
        _statistics = importance?.Statistics;
        _importance = importance is null ? null : new TensorImportancePlanner(merge, importance);
        _draws = merge.IsMergekitCompatible && method.IsRandomInCompatibility ? new DrawSequence(merge.Seed) : null;
    }

    /// <summary>
    /// What measures the merge before its factor is known, or to check it; <see langword="null"/> where nothing does. Known once it is
    /// planned.
    /// </summary>
    public ScoreKey? Measured { get; private set; }

    /// <summary>Plans all tensors, in ordinal order of name.</summary>
    public IReadOnlyList<TensorPlan> Plan(CancellationToken cancellation)
    {
        IReadOnlyList<TensorPlan> plans = [
            .. InDrawOrder().Select(tensor => Plan(tensor, cancellation)).OrderBy(tensor => tensor.Output.Name, StringComparer.Ordinal)
        ];
        if (_method.Conflict([.. plans.Where(plan => plan.IsMerged).Select(plan => plan.Context!)]) is { } conflict)
            throw _merge.Fault(DiagnosticCode.InvalidValue, conflict);
        if (_method.NeedsSurvey)
            plans = [.. plans.Select(OfWhole(plans))];
        if (_whole is not { Tasks.Count: > 0 } importance)
            return plans;
        Measured = new ScoreKey("merge on its tasks",
        [
            new("tensors", ContentDigest.Of(string.Concat(plans.Select(plan => $"{plan.Key} {plan.Output.Name}\n"))).ToString()),
            new(
                "tasks",
                ContentDigest.Of(
                    string.Concat(importance.Tasks.Select(task => $"{task.BaseScore.Key.Digest} {task.TunedScore.Key.Digest}\n")))
                        .ToString()),
            new("factor", importance.Factor is { Declaration.Value: null } ? "task" : "as it is"),
            .. _merge.IsWhole ? [] : new KeyValuePair<string, string>[] { new("config", ContentDigest.Of(_layout.Config.Text).ToString()) },
        ]);
        return importance.Factor is { Declaration.Value: null }
            ? [
                .. plans.Select(plan =>
                    plan.Importance is { IsScaled: true }
                        ? plan with { Key = ContentDigest.Of($"{plan.Key}\nfactor {Measured.Digest}") }
                        : plan)
            ]
            : plans;
    }

    /// <summary>Bytes of the output's tensors, known before any input is read.</summary>
    public long OutputLength => _layout.Tensors.Sum(tensor => OutputOf(tensor).ByteLength);

    // The reference implementation takes random numbers tensor by tensor in the ordinal order of the name that is read (of several, the
    // last), which differs from the output's where layers are renumbered; equal names in the order of the output.
    private IEnumerable<LayoutTensor> InDrawOrder() =>
        _layout.Tensors.OrderBy(
            tensor => tensor.Sources.Select(source => source.Tensor).DefaultIfEmpty(tensor.Name).Max(StringComparer.Ordinal),
            StringComparer.Ordinal);

    private TensorSpec OutputOf(LayoutTensor tensor) =>
        tensor.IsCopied
            ? tensor.Stored
            : tensor.Stored with { DType = _merge.OutDType ?? CompatibleResult(tensor, _merge.DType ?? Computed(tensor)) };

    // Of several types the one that holds them all. In compatibility mode a base decides, because the reference casts to its type.
    private DType Computed(LayoutTensor tensor)
    {
        if (tensor.Sources.Count == 0)
            return tensor.Stored.DType;
        var types = tensor.Sources.Select(source => source.Model.Find(source.Tensor)!.DType).ToList();
        var baseIndex = tensor.Part.Sources.ToList().FindIndex(source => source.IsBase);
        return !_merge.IsMergekitCompatible ? types.Append(tensor.Stored.DType).Aggregate(DTypes.Promote)
            : baseIndex >= 0 ? types[baseIndex]
            : types.Aggregate(DTypes.Promote);
    }

    private DType CompatibleResult(LayoutTensor tensor, DType computed) =>
        tensor.Sources.Count > 0
            && _merge.IsMergekitCompatible
            && computed is (DType.F16 or DType.BF16)
            && _method.CompatibleResult is { } result ? result : computed;

    private TensorPlan Plan(LayoutTensor tensor, CancellationToken cancellation)
    {
        var output = OutputOf(tensor);
        if (tensor.IsCopied || tensor.Sources.Count == 0)
            return Kept(tensor, output, cancellation);
        var sources = tensor.Sources.ToList<TensorSource>();
        var context = Context(tensor, output);
        context = _statistics?.Attach(sources, _whole!.ModelsOf(tensor.Part), context) ?? context;
        if (Device is not null && _method.ComputesWithMatrix(context))
            context = context with { Device = Device };
        var importance = _importance?.Plan(tensor, output, sources, ref context);
        return new TensorPlan(
            output, sources, context, TensorPlan.KeyOf(output, _method, sources, context, importance, cancellation))
        {
            Importance = importance
        };
    }

    // The donor's tensor: integers and buffers byte for byte, all others in the output's type.
    private TensorPlan Kept(LayoutTensor tensor, TensorSpec output, CancellationToken cancellation)
    {
        IReadOnlyList<TensorSource> sources = [tensor.Donor];
        var context = tensor.IsCopied ? null
            : new TensorContext(
                tensor.Name,
                output.Shape,
                [new TensorInput(0, false, new Dictionary<string, double> { ["scale"] = 1 })],
                new Dictionary<string, double>())
            { KeepsNonFinite = _merge.KeepsNonFinite };
        return new TensorPlan(
            output, sources, context, TensorPlan.KeyOf(output, Keep, sources, context, null, cancellation))
        {
            KeepWith = context is null ? null : Keep
        };
    }

    // Where a tensor depends on all others, so does its key.
    private static Func<TensorPlan, TensorPlan> OfWhole(IReadOnlyList<TensorPlan> plans)
    {
        var whole = ContentDigest.Of(string.Concat(plans.Where(plan => plan.IsMerged).Select(plan => $"{plan.Key}\n")));
        return plan => !plan.IsMerged ? plan : plan with { Key = ContentDigest.Of($"{plan.Key}\nof {whole}") };
    }

    private TensorContext Context(LayoutTensor tensor, TensorSpec output)
    {
        var shared = _method.Parameters.Where(parameter => !parameter.PerModel)
            .ToDictionary(parameter => parameter.Name, parameter => Resolve(parameter, tensor, null, tensor.Name));
        var context = new TensorContext(output.Name, output.Shape, Inputs(tensor), shared)
        {
            Seed = _merge.Seed,
            CompatibleDType = _merge.IsMergekitCompatible ? _merge.DType ?? Computed(tensor) : null,
            DrawOffset = _drawOffset,
            Draws = _draws,
            KeepsNonFinite = _merge.KeepsNonFinite,
            Workers = _workers,
        };
        if (ConflictIn(context, output) is { } conflict)
            throw new DiagnosticException(
                DiagnosticCode.InvalidValue, $"Merge '{_merge.Name}', tensor '{output.Name}': {conflict}", _merge.Location);
        if (_draws is not null)
            _drawOffset += _method.CompatibleDraws(context);
        return context;
    }

    private string? ConflictIn(TensorContext context, TensorSpec output)
    {
        try
        {
            return _method.Conflict(context);
        }
        catch (ForeignMethodException e)
        {
            throw _merge.MethodFailed(output, e);
        }
    }

    // Filters of a model's settings see the name that is read, all others the name in the output.
    private TensorInput[] Inputs(LayoutTensor tensor)
    {
        TensorInput[] inputs = [
            .. tensor.Part.Sources.Select((source, i) =>
                new TensorInput(i, source.IsBase, source.IsBase ? new Dictionary<string, double>() : _method.Parameters
            .Where(parameter => parameter.PerModel)
            .ToDictionary(
                parameter => parameter.Name, parameter => Resolve(parameter, tensor, source.Declaration, tensor.Sources[i].Tensor))))];

        // Most tensors are merged like the one before, and many models' settings for many tensors are much memory.
        if (_lastInputs.Length == inputs.Length && _lastInputs.Zip(inputs).All(pair => AreSame(pair.First, pair.Second)))
            return _lastInputs;
        return _lastInputs = inputs;
    }

    private static bool AreSame(TensorInput a, TensorInput b) =>
        a.Position == b.Position && a.IsBase == b.IsBase && a.Parameters.Count == b.Parameters.Count
        && a.Parameters.All(pair => b.Parameters.TryGetValue(pair.Key, out var value) && value.Equals(pair.Value));

    private double Resolve(ParameterDeclaration parameter, LayoutTensor tensor, ModelDeclaration? model, string name) =>
        model?.Parameters.GetValueOrDefault(parameter.Name)?.Evaluate(name, tensor.Position)
        ?? tensor.Part.Scopes
            .Select(scope => scope.GetValueOrDefault(parameter.Name)?.Evaluate(name, tensor.Position))
            .FirstOrDefault(value => value is not null)
        ?? parameter.Default
        ?? throw _merge.Fault(DiagnosticCode.MissingParameter,
            $"no condition gives '{parameter.Name}' a value for the tensor "
                + $"'{name}'{(model is null ? "" : $" of '{model.Label}'")}. End the list with a value without a filter.",
            model?.Location ?? _merge.Location);
}
