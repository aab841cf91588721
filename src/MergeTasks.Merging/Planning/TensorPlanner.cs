using MergeTasks.Checkpoints;
using MergeTasks.Merging.Declarations;
using MergeTasks.Merging.Diagnostics;
using MergeTasks.Merging.Importance;
using MergeTasks.Merging.Methods;

namespace MergeTasks.Merging.Planning;

/// <summary>Works out how each tensor of one merge is made, its resolved parameters and its key.</summary>
internal sealed class TensorPlanner
{
    private readonly MergeDeclaration _merge;
    private readonly MergeMethod _method;
    private readonly IReadOnlyList<(ModelDeclaration Declaration, ModelInput Input)> _participants;
    private readonly ModelInput _donor;
    private readonly int _workers;
    private readonly int _layerCount;
    private readonly DrawSequence? _draws;
    private readonly TensorImportancePlanner? _importance;
    private long _drawOffset;

    public TensorPlanner(
        MergeDeclaration merge,
        MergeMethod method,
        IReadOnlyList<(ModelDeclaration Declaration, ModelInput Input)> participants,
        (ModelDeclaration Declaration, ModelInput Input) donor,
        ImportancePlan? importance,
        int workers)
    {
        _merge = merge;
        _method = method;
        _participants = participants;
        _importance = importance is null ? null : new TensorImportancePlanner(merge, importance);
        _donor = donor.Input;
        _workers = workers;
        _layerCount = LayerPosition.CountOf(_donor.Config, _donor.Names);
        _draws = merge.IsMergekitCompatible && method.IsRandomInCompatibility ? new DrawSequence(merge.Seed) : null;
    }

    /// <summary>Those of a merge's models that the method reads, in order.</summary>
    public static IReadOnlyList<(ModelDeclaration Declaration, ModelInput Input)> Participants(
        MergeDeclaration merge, MergeMethod method, IEnumerable<(ModelDeclaration Declaration, ModelInput Input)> models) =>
        [.. models.Where(model => TakesPart(merge, method, model.Declaration))];

    public IReadOnlyList<TensorPlan> Plan(CancellationToken cancellation) =>
        [.. TensorMatcher.OutputNames(_donor).Select(name => Plan(name, cancellation))];

    /// <summary>Bytes of the output's tensors, known before any input is read.</summary>
    public long OutputLength => TensorMatcher.OutputNames(_donor).Sum(name => OutputOf(name).ByteLength);

    private TensorSpec OutputOf(string name)
    {
        var stored = _donor.Find(name)!;
        return IsCopied(stored) ? stored : stored with { DType = _merge.OutDType ?? CompatibleResult(_merge.DType ?? stored.DType) };
    }

    private DType CompatibleResult(DType computed) =>
        _merge.IsMergekitCompatible && computed is DType.F16 or DType.BF16 && _method.CompatibleResult is { } result ? result : computed;

    private static bool IsCopied(TensorSpec tensor) => !tensor.DType.IsFloatingPoint() || TensorMatcher.IsBuffer(tensor.Name);

    private TensorPlan Plan(string name, CancellationToken cancellation)
    {
        var stored = _donor.Find(name)!;
        if (IsCopied(stored))
        {
            IReadOnlyList<TensorSource> copied = [new ModelTensor(_donor, name)];
            return new TensorPlan(stored, copied, null, TensorPlan.KeyOf(stored, _method, copied, null, null, cancellation));
        }

        var output = OutputOf(name);
        var sources = _participants
            .Select(model => (TensorSource)new ModelTensor(model.Input, TensorMatcher.Source(model.Input, name)!))
            .ToList();
        var context = Context(output, stored.DType);
        var importance = _importance?.Plan(output, sources, ref context);
        return new TensorPlan(output, sources, context, TensorPlan.KeyOf(output, _method, sources, context, importance, cancellation)) { Importance = importance };
    }

    private TensorContext Context(TensorSpec output, DType stored)
    {
        var position = LayerPosition.Of(output.Name, _layerCount);
        var shared = _method.Parameters.Where(parameter => !parameter.PerModel)
            .ToDictionary(parameter => parameter.Name, parameter => Resolve(parameter, null, output.Name, position));
        var context = new TensorContext(output.Name, output.Shape, Inputs(output.Name, position), shared)
        {
            Seed = _merge.Seed,
            CompatibleDType = _merge.IsMergekitCompatible ? _merge.DType ?? stored : null,
            DrawOffset = _drawOffset,
            Draws = _draws,
            KeepsNonFinite = _merge.KeepsNonFinite,
            Workers = _workers,
        };
        if (_method.Conflict(context) is { } conflict)
            throw new DiagnosticException(new Diagnostic(DiagnosticCode.InvalidValue, $"Merge '{_merge.Name}', tensor '{output.Name}': {conflict}", _merge.Location));
        if (_draws is not null)
            _drawOffset += _method.CompatibleDraws(context);
        return context;
    }

    private TensorInput[] Inputs(string tensor, double position)
    {
        var inputs = new TensorInput[_participants.Count];
        for (var i = 0; i < inputs.Length; i++)
        {
            var model = _participants[i].Declaration;
            var isBase = _method.TakesBase(_merge.Base is not null) && model.IsSameModel(_merge.Base!);
            inputs[i] = new TensorInput(i, isBase, isBase ? new Dictionary<string, double>() : _method.Parameters.Where(parameter => parameter.PerModel)
                .ToDictionary(parameter => parameter.Name, parameter => Resolve(parameter, model, tensor, position)));
        }

        return inputs;
    }

    private double Resolve(ParameterDeclaration parameter, ModelDeclaration? model, string tensor, double position) =>
        model?.Parameters.GetValueOrDefault(parameter.Name)?.Evaluate(tensor, position)
        ?? _merge.Parameters.GetValueOrDefault(parameter.Name)?.Evaluate(tensor, position)
        ?? parameter.Default
        ?? throw new DiagnosticException(new Diagnostic(DiagnosticCode.MissingParameter,
            $"Merge '{_merge.Name}': no condition gives '{parameter.Name}' a value for the tensor '{tensor}'{(model is null ? "" : $" of '{model.Label}'")}. End the list with a value without a filter.",
            model?.Location ?? _merge.Location));

    // A base that is not among the models takes part where the method needs one. In compatibility mode it also does where the method
    // needs none but a value for all models covers it, because mergekit appends the base to the models.
    private static bool TakesPart(MergeDeclaration merge, MergeMethod method, ModelDeclaration model) =>
        merge.Models.Any(model.IsSameModel)
        || method.TakesBase(merge.Base is not null)
        || (merge.IsMergekitCompatible && method.MaxModels > 1 && method.Parameters.Where(parameter => parameter is { PerModel: true, Default: null })
            .All(parameter => merge.Parameters.ContainsKey(parameter.Name)));
}
