using System.Buffers.Binary;
using System.Security.Cryptography;
using MergeTasks.TestSupport;

namespace MergeTasks.Caching.Tests;

public sealed class TreeDigests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(TreeDigest.ChunkSize)]
    public void Data_of_at_most_one_chunk_has_its_plain_SHA256(int length)
    {
        var bytes = Bytes(length);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), TreeDigest.Of(bytes).ToString());
    }

    [Fact]
    public void Longer_data_is_digested_over_prefix_length_and_chunk_digests()
    {
        var bytes = Bytes((2 * TreeDigest.ChunkSize) + 17);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, bytes.Length);
        byte[] text =
        [
            .. "MergeTasks chunks\n"u8,
            .. length,
            .. SHA256.HashData(bytes.AsSpan(0, TreeDigest.ChunkSize)),
            .. SHA256.HashData(bytes.AsSpan(TreeDigest.ChunkSize, TreeDigest.ChunkSize)),
            .. SHA256.HashData(bytes.AsSpan(2 * TreeDigest.ChunkSize)),
        ];
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(text)), TreeDigest.Of(bytes).ToString());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(TreeDigest.ChunkSize)]
    [InlineData((3 * TreeDigest.ChunkSize) + 1)]
    public void A_file_has_the_digest_of_the_bytes_it_holds(int length)
    {
        using var folder = new TempFolder();
        var bytes = Bytes(length);
        File.WriteAllBytes(folder["a"], bytes);
        Assert.Equal(TreeDigest.Of(bytes), new FileHasher(new DigestMemo(folder["cache"]), 3).DigestWhole(folder["a"], default));
    }

    private static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }
}
