namespace MergeTasks.Numerics.Memory;

/// <summary>Arrays whose length follows from a tensor's.</summary>
internal static class LargeArray
{
    /// <summary>An array of zeros.</summary>
    /// <exception cref="NumericException">It would be longer than an array can be.</exception>
    public static T[] Of<T>(long length) => length <= Array.MaxLength
        ? new T[length]
        : throw new NumericException(
            NumericProblem.TooLarge, $"the method would need an array of {length} numbers, and {Array.MaxLength} is the most there can be");
}
