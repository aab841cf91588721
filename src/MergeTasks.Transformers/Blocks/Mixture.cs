using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>
/// A sparse mixture: each row goes to some experts, whose weighted results are added up, with those of an expert for all rows.
/// </summary>
internal sealed class Mixture : FeedForward
{
    private readonly RoutingSpec _routing;
    private readonly Linear _router;
    private readonly float[]? _correction;
    private readonly Parameter? _scales;
    private readonly Norm? _routerNorm;
    private readonly Norm? _expertNorm;
    private readonly Mlp[] _experts;
    private readonly Mlp? _shared;
    private readonly Linear? _sharedGate;
    private readonly string[] _routerName;
    private readonly string[] _sharedGateName;

    /// <summary>Binds the parameters.</summary>
    public Mixture(MixtureSpec spec, ParameterSet parameters)
    {
        _routing = spec.Routing;
        _router = new Linear(spec.Router, parameters);
        _correction = spec.Routing.Correction is { } correction
            ? parameters.Constant(correction, spec.Routing.CorrectionIsRow ? [1, spec.Router.Outputs] : [spec.Router.Outputs])
            : null;
        _scales = spec.Routing.Scales is { } scales ? parameters.Get(scales, spec.Router.Outputs) : null;
        _routerNorm = spec.RouterNorm is null ? null : new Norm(spec.RouterNorm, parameters);
        _expertNorm = spec.ExpertNorm is null ? null : new Norm(spec.ExpertNorm, parameters);
        _experts = [.. ExpertsOf(spec, parameters).Select(expert => new Mlp(expert, parameters))];
        _shared = spec.Shared is null ? null : new Mlp(spec.Shared, parameters);
        _sharedGate = spec.SharedGate is null ? null : new Linear(spec.SharedGate, parameters);
        _routerName = [_router.Name];
        _sharedGateName = _sharedGate is null ? [] : [_sharedGate.Name];
    }

    /// <inheritdoc/>
    public override IEnumerable<ModuleDescription> Modules =>
    [
        .. _routerNorm?.Descriptions ?? [],
        _router.Description,
        .. _expertNorm?.Descriptions ?? [],
        .. _experts.SelectMany(expert => expert.Modules),
        .. _shared?.Modules ?? [],
        .. _sharedGate is null ? Array.Empty<ModuleDescription>() : [_sharedGate.Description],
    ];

    /// <summary>The experts as the checkpoint has them: each by itself, or stacked.</summary>
    public static IReadOnlyList<MlpSpec> ExpertsOf(MixtureSpec spec, ParameterSet parameters) =>
        spec.Stacked is { } stacked && parameters.Resolve(stacked[0].Up.Weight) is not null ? stacked : spec.Experts;

    /// <inheritdoc/>
    public override Activation Forward(Pass pass, Activation x, int[] batchRows)
    {
        using var routed = _routerNorm?.Forward(pass, x, batchRows) ?? x.Share();
        pass.Observe(_routerName, routed, batchRows);
        using var scores = _router.Forward(pass, routed);
        var routing = Routing.Choose(_routing, scores, _correction, _scales?.ToSingles());
        using var seen = _expertNorm?.Forward(pass, x, batchRows) ?? x.Share();
        var y = pass.RentZeros(x.Rows, x.Channels);
        var tape = pass.Tape;
        for (var expert = 0; expert < _experts.Length; expert++)
        {
            pass.Tape = tape is null ? null : new Tape();
            RunExpert(pass, expert, routing, seen, y, batchRows);
            tape?.Push(pass.Tape!);
        }

        pass.Tape = tape;
        RunShared(pass, seen, y, batchRows);
        pass.Tape?.Push(scores);
        pass.Tape?.PushFacts(routing);
        return y;
    }

    /// <inheritdoc/>
    public override Activation Backward(Pass pass, Activation dy)
    {
        var routing = pass.Tape!.PopFacts<Routing>();
        using var scores = pass.Tape.Pop();
        var dx = pass.RentZeros(dy.Rows, dy.Channels);
        UndoShared(pass, dy, dx);
        var tape = pass.Tape;
        var tapes = new Tape[_experts.Length];
        for (var expert = _experts.Length - 1; expert >= 0; expert--)
            tapes[expert] = tape.PopFacts<Tape>();
        using var dWeights = pass.RentZeros(dy.Rows, _experts.Length);

        // In ascending order, in which the places of a stack's gradient are handed out.
        for (var expert = 0; expert < _experts.Length; expert++)
        {
            pass.Tape = tapes[expert];
            UndoExpert(pass, expert, routing, dy, dx, dWeights);
            tapes[expert].Dispose();
        }

        pass.Tape = tape;
        var dScales = routing.Backward(scores, dWeights);
        _scales?.Give(pass, dScales);
        if (_expertNorm is not null)
        {
            using var dSeen = dx;
            dx = _expertNorm.Backward(pass, dSeen);
        }

        if (_routerNorm is null)
        {
            _router.Backward(pass, dWeights, dx, accumulate: true);
            return dx;
        }

        using var dRouted = pass.Rent(dy.Rows, dy.Channels);
        _router.Backward(pass, dWeights, dRouted, accumulate: false);
        using var own = _routerNorm.Backward(pass, dRouted);
        TensorPrimitives.Add(dx.Values, own.Values, dx.Values);
        return dx;
    }

    private void RunExpert(Pass pass, int expert, Routing routing, Activation x, Activation y, int[] batchRows)
    {
        var rows = routing.RowsOf(expert);
        using var own = Gather(pass, x, rows);
        if (_routing.WeighsInput)
        {
            pass.Tape?.Push(own);
            using var weighted = Weighted(pass, own, rows, expert, routing);
            using var result = _experts[expert].Forward(pass, weighted, [], (names, input) => ShowAll(pass, names, input, rows, batchRows));
            for (var i = 0; i < rows.Length; i++)
                TensorPrimitives.Add(y.Row(rows[i]), result.Row(i), y.Row(rows[i]));
        }
        else
        {
            using var result = _experts[expert].Forward(pass, own, [.. rows.Select(row => batchRows[row])]);
            for (var i = 0; i < rows.Length; i++)
                TensorPrimitives.MultiplyAdd(result.Row(i), routing.WeightOf(rows[i], expert), y.Row(rows[i]), y.Row(rows[i]));
            pass.Tape?.Push(result);
        }
    }

    private void UndoExpert(Pass pass, int expert, Routing routing, Activation dy, Activation dx, Activation dWeights)
    {
        var rows = routing.RowsOf(expert);
        using var gradient = Gather(pass, dy, rows);
        if (_routing.WeighsInput)
        {
            using var weighted = _experts[expert].Backward(pass, gradient);
            using var own = pass.Tape!.Pop();
            for (var i = 0; i < rows.Length; i++)
            {
                dWeights.Row(rows[i])[expert] = Reductions.Dot(own.Row(i), weighted.Row(i));
                TensorPrimitives.MultiplyAdd(weighted.Row(i), routing.WeightOf(rows[i], expert), dx.Row(rows[i]), dx.Row(rows[i]));
            }

            return;
        }

        using (var result = pass.Tape!.Pop())
        {
            for (var i = 0; i < rows.Length; i++)
            {
                dWeights.Row(rows[i])[expert] = Reductions.Dot(result.Row(i), gradient.Row(i));
                TensorPrimitives.Multiply(gradient.Row(i), routing.WeightOf(rows[i], expert), gradient.Row(i));
            }
        }

        using var dOwn = _experts[expert].Backward(pass, gradient);
        for (var i = 0; i < rows.Length; i++)
            TensorPrimitives.Add(dx.Row(rows[i]), dOwn.Row(i), dx.Row(rows[i]));
    }

    private void RunShared(Pass pass, Activation x, Activation y, int[] batchRows)
    {
        if (_shared is null)
            return;
        using var result = _shared.Forward(pass, x, batchRows);
        if (_sharedGate is null)
        {
            TensorPrimitives.Add(y.Values, result.Values, y.Values);
            return;
        }

        pass.Observe(_sharedGateName, x, batchRows);
        using var gate = _sharedGate.Forward(pass, x);
        for (var row = 0; row < y.Rows; row++)
            TensorPrimitives.MultiplyAdd(result.Row(row), Sigmoid(gate.Row(row)[0]), y.Row(row), y.Row(row));
        pass.Tape?.Push(result);
        pass.Tape?.Push(gate);
    }

    private void UndoShared(Pass pass, Activation dy, Activation dx)
    {
        if (_shared is null)
            return;
        if (_sharedGate is null)
        {
            using var own = _shared.Backward(pass, dy);
            TensorPrimitives.Add(dx.Values, own.Values, dx.Values);
            return;
        }

        using var gate = pass.Tape!.Pop();
        using var result = pass.Tape.Pop();
        using var dGate = pass.Rent(dy.Rows, 1);
        using var dResult = pass.Rent(dy.Rows, dy.Channels);
        for (var row = 0; row < dy.Rows; row++)
        {
            var open = Sigmoid(gate.Row(row)[0]);
            dGate.Row(row)[0] = Reductions.Dot(result.Row(row), dy.Row(row)) * open * (1 - open);
            TensorPrimitives.Multiply(dy.Row(row), open, dResult.Row(row));
        }

        _sharedGate.Backward(pass, dGate, dx, accumulate: true);
        using var dShared = _shared.Backward(pass, dResult);
        TensorPrimitives.Add(dx.Values, dShared.Values, dx.Values);
    }

    // An expert whose input is weighted sees all rows, those of weight 0 as zeros, and its results there are zeros: only what it shows
    // tells.
    private static void ShowAll(Pass pass, string[] names, Activation input, int[] rows, int[] batchRows)
    {
        if (pass.Observer is null)
            return;
        using var all = pass.RentZeros(batchRows.Length, input.Channels);
        for (var i = 0; i < rows.Length; i++)
            input.Row(i).CopyTo(all.Row(rows[i]));
        pass.Observe(names, all, batchRows);
    }

    private static Activation Weighted(Pass pass, Activation own, int[] rows, int expert, Routing routing)
    {
        var weighted = pass.Rent(own.Rows, own.Channels);
        for (var i = 0; i < rows.Length; i++)
            TensorPrimitives.Multiply(own.Row(i), routing.WeightOf(rows[i], expert), weighted.Row(i));
        return weighted;
    }

    private static Activation Gather(Pass pass, Activation from, int[] rows)
    {
        var gathered = pass.Rent(rows.Length, from.Channels);
        for (var i = 0; i < rows.Length; i++)
            from.Row(rows[i]).CopyTo(gathered.Row(i));
        return gathered;
    }

    private static float Sigmoid(float x) => 1 / (1 + MathF.Exp(-x));
}
