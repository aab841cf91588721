using System.Numerics.Tensors;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Methods.Random;

namespace MergeTasks.Merging.Inputs;

/// <summary>A random number for each element of a tensor, by seed and name: the same everywhere, whichever is asked for first.</summary>
/// <param name="seed">The seed.</param>
/// <param name="name">What the numbers are for.</param>
internal sealed class DrawnNumbers(long seed, string name)
{
    private const int Group = Philox.Group / 2;
    private const int CountersOfGroup = 8;
    private const double Range = 4294967296;

    private readonly Philox _philox = Philox.For(seed, name, 0);

    /// <summary>Normally distributed numbers (Box and Muller 1958).</summary>
    /// <param name="start">Flat index of the first.</param>
    /// <param name="values">Filled with them.</param>
    /// <param name="deviation">Their standard deviation.</param>
    public void Normal(long start, Span<float> values, double deviation) => Fill(start, values, (words, i) =>
    {
        var (radius, angle) = ((words[i & ~1] + 1) / Range, words[i | 1] / Range);
        var (sine, cosine) = Math.SinCos(2 * Math.PI * angle);
        return deviation * Math.Sqrt(-2 * Math.Log(radius)) * ((i & 1) == 0 ? cosine : sine);
    });

    /// <summary>Evenly distributed numbers between −bound and bound.</summary>
    /// <inheritdoc cref="Normal(long, Span{float}, double)"/>
    public void Uniform(long start, Span<float> values, double bound) =>
        Fill(start, values, (words, i) => ((2 * words[i] / Range) - 1) * bound);

    /// <summary>Normally distributed numbers from the first on.</summary>
    public float[] Normal(long count, double deviation)
    {
        var values = new float[count];
        Normal(0, values, deviation);
        return values;
    }

    private delegate double Drawing(ReadOnlySpan<uint> words, int place);

    // 32 elements share the words that eight counters give.
    private void Fill(long start, Span<float> values, Drawing drawn)
    {
        Span<ushort> halves = stackalloc ushort[Philox.Group];
        Span<uint> words = stackalloc uint[Group];
        for (var i = 0; i < values.Length; i++)
        {
            var (group, place) = ((start + i) / Group, (int)((start + i) % Group));
            if (i == 0 || place == 0)
            {
                _philox.Numbers((ulong)group * CountersOfGroup, 0, halves);
                for (var word = 0; word < Group; word++)
                    words[word] = halves[2 * word] | ((uint)halves[(2 * word) + 1] << 16);
            }

            values[i] = (float)drawn(words, place);
        }
    }
}

/// <summary>A tensor with normally distributed numbers added, as it is read.</summary>
/// <param name="content">The tensor.</param>
/// <param name="noise">The numbers.</param>
/// <param name="deviation">Their standard deviation.</param>
internal sealed class NoisyTensor(TensorContent content, DrawnNumbers noise, double deviation) : TensorContent
{
    public override DType DType => DType.F32;

    public override TensorReader NewReader(WindowMemory memory) => new Reader(content.NewReader(memory), noise, deviation);

    private sealed class Reader(TensorReader inner, DrawnNumbers noise, double deviation) : TensorReader
    {
        private float[] _numbers = [];

        public override void Read(long start, Span<float> destination, long until)
        {
            inner.Read(start, destination, until);
            if (_numbers.Length < destination.Length)
                _numbers = new float[destination.Length];
            var numbers = _numbers.AsSpan(0, destination.Length);
            noise.Normal(start, numbers, deviation);
            TensorPrimitives.Add(destination, numbers, destination);
        }
    }
}
