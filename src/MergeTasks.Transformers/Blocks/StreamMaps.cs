using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>From one residual stream to several, or from several to their mean, see <see cref="StreamMapsSpec"/>.</summary>
internal sealed class StreamMaps
{
    private readonly Linear[] _maps;
    private readonly int _width;

    /// <summary>Binds the parameters.</summary>
    public StreamMaps(StreamMapsSpec spec, ParameterSet parameters)
    {
        _maps = [.. spec.Maps.Select(map => new Linear(map, parameters))];
        _width = spec.Maps[0].Outputs;
    }

    /// <summary>The modules.</summary>
    public IEnumerable<ModuleDescription> Modules => _maps.Select(map => map.Description);

    /// <summary>One stream to all.</summary>
    public Activation Expand(Pass pass, Activation x)
    {
        var all = pass.RentZeros(x.Rows, (_maps.Length + 1) * _width);
        Streams.Add(pass, all, 0, x);
        for (var i = 0; i < _maps.Length; i++)
            MapInto(pass, i, x, x, all, i + 1, pass.Layout.Identity);
        return all;
    }

    /// <summary>Hands out the matrices' gradients and returns that of the one stream.</summary>
    public Activation ExpandBackward(Pass pass, Activation dAll)
    {
        var dx = Streams.Of(pass, dAll, 0, _width);
        for (var i = _maps.Length - 1; i >= 0; i--)
        {
            using var dStream = Streams.Of(pass, dAll, i + 1, _width);
            UndoMap(pass, i, dStream, dx, dx);
        }

        return dx;
    }

    /// <summary>All streams to their mean.</summary>
    /// <param name="pass">The run.</param>
    /// <param name="all">The streams.</param>
    /// <param name="batchRows">The batch row of each row.</param>
    public Activation Collapse(Pass pass, Activation all, int[] batchRows)
    {
        using var first = Streams.Of(pass, all, 0, _width);
        var sum = Streams.Of(pass, all, 0, _width);
        for (var i = 0; i < _maps.Length; i++)
        {
            using var stream = Streams.Of(pass, all, i + 1, _width);
            MapInto(pass, i, stream, first, sum, 0, batchRows);
        }

        TensorPrimitives.Divide(sum.Values, _maps.Length + 1, sum.Values);
        return sum;
    }

    /// <summary>Hands out the matrices' gradients and returns that of all streams.</summary>
    public Activation CollapseBackward(Pass pass, Activation dMean)
    {
        var dAll = pass.RentZeros(dMean.Rows, (_maps.Length + 1) * _width);
        using var dSum = pass.Rent(dMean.Rows, _width);
        TensorPrimitives.Divide(dMean.Values, _maps.Length + 1, dSum.Values);
        Streams.Add(pass, dAll, 0, dSum);
        for (var i = _maps.Length - 1; i >= 0; i--)
        {
            using var dStream = pass.RentZeros(dMean.Rows, _width);
            using var dFirst = pass.RentZeros(dMean.Rows, _width);
            UndoMap(pass, i, dSum, dStream, dFirst);
            Streams.Add(pass, dAll, i + 1, dStream);
            Streams.Add(pass, dAll, 0, dFirst);
        }

        return dAll;
    }

    // Adds map(x) · rms(like) / rms(map(x)) to one stream.
    private void MapInto(Pass pass, int map, Activation x, Activation like, Activation to, int stream, int[] batchRows)
    {
        pass.Observe([_maps[map].Name], x, batchRows);
        using var y = _maps[map].Forward(pass, x);
        pass.Tape?.Push(y);
        pass.Tape?.Push(like);
        using var scaled = pass.Rent(y.Rows, _width);
        for (var row = 0; row < y.Rows; row++)
            TensorPrimitives.Multiply(y.Row(row), RootMeanSquare(like.Row(row)) / Divisor(y.Row(row), out _), scaled.Row(row));
        Streams.Add(pass, to, stream, scaled);
    }

    // With z = y · t / s: dy = dz · t / s − y · (dz · y) · t / (n s³), where s follows y, and dt = (dz · y) / s, of which like takes
    // dt · like / (n t). The gradients are added to what there is; both may lie in the same place.
    private void UndoMap(Pass pass, int map, Activation dz, Activation dx, Activation dLike)
    {
        using var like = pass.Tape!.Pop();
        using var y = pass.Tape.Pop();
        using var dy = pass.Rent(dz.Rows, _width);
        using var dTarget = pass.Rent(dz.Rows, _width);
        for (var row = 0; row < dz.Rows; row++)
        {
            var from = y.Row(row);
            var gradient = dz.Row(row);
            var target = RootMeanSquare(like.Row(row));
            var divisor = Divisor(from, out var follows);
            var along = Reductions.Dot(gradient, from);
            TensorPrimitives.Multiply(gradient, target / divisor, dy.Row(row));
            if (follows)
            {
                TensorPrimitives.MultiplyAdd(
                    from, -along * target / (_width * divisor * divisor * divisor), dy.Row(row), dy.Row(row));
            }

            TensorPrimitives.Multiply(like.Row(row), target == 0 ? 0 : along / (divisor * _width * target), dTarget.Row(row));
        }

        _maps[map].Backward(pass, dy, dx, accumulate: true);
        TensorPrimitives.Add(dLike.Values, dTarget.Values, dLike.Values);
    }

    private static float Divisor(ReadOnlySpan<float> row, out bool follows)
    {
        var square = Reductions.SumOfSquares(row) / row.Length;
        follows = square > StreamMapsSpec.SmallestSquare;
        return MathF.Sqrt(MathF.Max(square, StreamMapsSpec.SmallestSquare));
    }

    private static float RootMeanSquare(ReadOnlySpan<float> row) => MathF.Sqrt(Reductions.SumOfSquares(row) / row.Length);
}
