using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Execution;

namespace MergeTasks.Transformers.Blocks;

/// <summary>Applies the function between two matrices, optionally as a gate: h = f(x), or h = f(x) · u.</summary>
internal abstract class ActivationFunction
{
    /// <summary>The function of a kind.</summary>
    public static ActivationFunction Of(ActivationKind kind) => kind switch
    {
        ActivationKind.Identity => new Kernel<IdentityFunction>(),
        ActivationKind.Silu => new Kernel<SiluFunction>(),
        ActivationKind.Gelu => new Kernel<GeluFunction>(),
        ActivationKind.GeluTanh => new Kernel<GeluTanhFunction>(),
        ActivationKind.GeluSigmoid => new Kernel<GeluSigmoidFunction>(),
        ActivationKind.Relu => new Kernel<ReluFunction>(),
        ActivationKind.ReluSquared => new Kernel<ReluSquaredFunction>(),
        ActivationKind.Relu6 => new Kernel<Relu6Function>(),
        ActivationKind.LeakyRelu => new Kernel<LeakyReluFunction>(),
        ActivationKind.GeluClamped => new Kernel<GeluClampedFunction>(),
        ActivationKind.Tanh => new Kernel<TanhFunction>(),
        ActivationKind.Sigmoid => new Kernel<SigmoidFunction>(),
        ActivationKind.Mish => new Kernel<MishFunction>(),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    /// <summary>h = f(x).</summary>
    public abstract void Apply(ReadOnlySpan<float> x, Span<float> h);

    /// <summary>h = f(x) · u.</summary>
    public abstract void Gate(ReadOnlySpan<float> x, ReadOnlySpan<float> u, Span<float> h);

    /// <summary>dx = dh · f′(x); <paramref name="dx"/> may be <paramref name="dh"/>.</summary>
    public abstract void ApplyBackward(ReadOnlySpan<float> x, ReadOnlySpan<float> dh, Span<float> dx);

    /// <summary>dx = dh · u · f′(x) and du = dh · f(x).</summary>
    public abstract void GateBackward(ReadOnlySpan<float> x, ReadOnlySpan<float> u, ReadOnlySpan<float> dh, Span<float> dx, Span<float> du);

    /// <summary>h = f(x) on all rows.</summary>
    public Activation Forward(Pass pass, Activation x)
    {
        var h = pass.Rent(x.Rows, x.Channels);
        pass.ForRows(x.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
                Apply(x.Row(row), h.Row(row));
        });
        pass.Tape?.Push(x);
        return h;
    }

    /// <summary>Turns dh into dx in place.</summary>
    public void Backward(Pass pass, Activation gradient)
    {
        using var x = pass.Tape!.Pop();
        pass.ForRows(x.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
                ApplyBackward(x.Row(row), gradient.Row(row), gradient.Row(row));
        });
    }

    private sealed class Kernel<TFunction> : ActivationFunction
        where TFunction : struct, IVectorFunction
    {
        private static int Lanes => Vector512<float>.Count;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public override void Apply(ReadOnlySpan<float> x, Span<float> h)
        {
            var i = 0;
            for (; i <= x.Length - Lanes; i += Lanes)
                TFunction.Evaluate(Load(x, i)).Value.CopyTo(h[i..]);
            if (i < x.Length)
                StoreTail(TFunction.Evaluate(LoadTail(x, i)).Value, h, i);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public override void Gate(ReadOnlySpan<float> x, ReadOnlySpan<float> u, Span<float> h)
        {
            var i = 0;
            for (; i <= x.Length - Lanes; i += Lanes)
                (TFunction.Evaluate(Load(x, i)).Value * Load(u, i)).CopyTo(h[i..]);
            if (i < x.Length)
                StoreTail(TFunction.Evaluate(LoadTail(x, i)).Value * LoadTail(u, i), h, i);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public override void ApplyBackward(ReadOnlySpan<float> x, ReadOnlySpan<float> dh, Span<float> dx)
        {
            var i = 0;
            for (; i <= x.Length - Lanes; i += Lanes)
                (TFunction.Evaluate(Load(x, i)).Slope * Load(dh, i)).CopyTo(dx[i..]);
            if (i < x.Length)
                StoreTail(TFunction.Evaluate(LoadTail(x, i)).Slope * LoadTail(dh, i), dx, i);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public override void GateBackward(
            ReadOnlySpan<float> x, ReadOnlySpan<float> u, ReadOnlySpan<float> dh, Span<float> dx, Span<float> du)
        {
            var i = 0;
            for (; i <= x.Length - Lanes; i += Lanes)
            {
                var (value, slope) = TFunction.Evaluate(Load(x, i));
                var gradient = Load(dh, i);
                (gradient * Load(u, i) * slope).CopyTo(dx[i..]);
                (gradient * value).CopyTo(du[i..]);
            }

            if (i < x.Length)
            {
                var (value, slope) = TFunction.Evaluate(LoadTail(x, i));
                var gradient = LoadTail(dh, i);
                StoreTail(gradient * LoadTail(u, i) * slope, dx, i);
                StoreTail(gradient * value, du, i);
            }
        }

        private static Vector512<float> Load(ReadOnlySpan<float> from, int index) =>
            Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(from), (nuint)index);

        private static Vector512<float> LoadTail(ReadOnlySpan<float> from, int index)
        {
            Span<float> lanes = stackalloc float[Lanes];
            lanes.Clear();
            from[index..].CopyTo(lanes);
            return Vector512.Create<float>(lanes);
        }

        private static void StoreTail(Vector512<float> value, Span<float> to, int index)
        {
            Span<float> lanes = stackalloc float[Lanes];
            value.CopyTo(lanes);
            lanes[..(to.Length - index)].CopyTo(to[index..]);
        }
    }
}
