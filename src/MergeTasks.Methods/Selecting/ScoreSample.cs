using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.Selecting;

/// <summary>
/// The elements whose scores stand for a large tensor's in compatibility mode: the first 1,000,000 of a random permutation, drawn as
/// PyTorch draws one: for i = 0, 1, …, n − 2, element i is swapped with element i + (draw modulo n − i).
/// </summary>
internal sealed class ScoreSample
{
    private const int Size = 1_000_000;

    private readonly long[] _elements;
    private readonly float[] _scores = new float[Size];

    private ScoreSample(long[] elements) => _elements = elements;

    /// <summary>How many numbers a tensor's permutation takes.</summary>
    public static long CompatibleDraws(TensorContext context) => context.ElementCount > Size ? context.ElementCount - 1 : 0;

    /// <summary>Draws a tensor's sample; <see langword="null"/> where all of its elements count.</summary>
    public static ScoreSample? Of(TensorContext context)
    {
        if (context.Draws is null || CompatibleDraws(context) == 0)
            return null;
        var (generator, elements) = (context.Draws.At(context.DrawOffset), new long[Size]);

        // Only what was swapped is remembered; the rest of the permutation is still in its place.
        var moved = new Dictionary<long, long>();
        for (var i = 0L; i < Size; i++)
        {
            var other = i + (generator.Next() % (context.ElementCount - i));
            elements[i] = moved.GetValueOrDefault(other, other);
            moved[other] = moved.GetValueOrDefault(i, i);
        }

        Array.Sort(elements);
        return new ScoreSample(elements);
    }

    /// <summary>Takes what it wants of a block's scores; called from several threads.</summary>
    public void Take(long start, ReadOnlySpan<float> scores)
    {
        var first = Array.BinarySearch(_elements, start);
        for (var i = first < 0 ? ~first : first; i < Size && _elements[i] < start + scores.Length; i++)
            _scores[i] = scores[(int)(_elements[i] - start)];
    }

    /// <summary>The scores taken, in ascending order.</summary>
    public float[] Sorted()
    {
        Array.Sort(_scores);
        return _scores;
    }
}
