// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Cash} from "./Base.sol";
import {Documents} from "../src/Documents.sol";
import {ICashFacts, SkipReason} from "../src/ICash.sol";
import {Deal, Deals} from "./Deals.sol";

/// A signature counts on one chain and for one contract (EIP-712, ERC-5267).
contract DomainTest is Deals {
    /// One signed document of each kind.
    struct Papers {
        bytes items;
        bytes wideItems;
        Deal deal;
        bytes transfer;
        bytes receive_;
        bytes cancel;
        bytes permit;
        bytes cancelNonces;
    }

    address private _ana;
    address private _bo;

    function setUp() public override {
        super.setUp();
        (_ana, _bo) = (person(0), person(1));
        give(_ana, 1_000);
    }

    function _separator(string memory name, address ledger) private view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                ledger
            )
        );
    }

    function test_theDomainIsTold() public view {
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        ) = cash.eip712Domain();
        assertEq(uint8(fields), 0x0f, "fields: name, version, chain, contract");
        assertEq(name, cash.name(), "name");
        assertEq(version, cash.version(), "version");
        assertEq(chainId, block.chainid, "chain");
        assertEq(verifyingContract, address(cash), "contract");
        assertEq(salt, 0, "salt");
        assertEq(extensions.length, 0, "extensions");
        assertEq(cash.DOMAIN_SEPARATOR(), _separator("Cash EUR", address(cash)), "separator");
    }

    function test_eachLedgerHasItsOwnDomain() public {
        Cash twin = newCash();
        Cash dollars = deploy("USD", ADMIN, 0);
        assertEq(twin.DOMAIN_SEPARATOR(), _separator("Cash EUR", address(twin)), "twin");
        assertEq(dollars.DOMAIN_SEPARATOR(), _separator("Cash USD", address(dollars)), "dollars");
        assertTrue(twin.DOMAIN_SEPARATOR() != cash.DOMAIN_SEPARATOR(), "they differ");
    }

    function testFuzz_theSeparatorFollowsTheChain(uint64 chainId) public {
        vm.assume(chainId != 0);
        vm.chainId(chainId);
        assertEq(cash.DOMAIN_SEPARATOR(), _separator("Cash EUR", address(cash)), "separator");
        (,,, uint256 told,,,) = cash.eip712Domain();
        assertEq(told, chainId, "told");
    }

    // ------------------------------------------------------------------------------------------------ old signatures die

    function _sign() private view returns (Papers memory papers) {
        papers.items = item(key(0), _bo, 1, 0);
        papers.wideItems = wideItem(key(0), _bo, 1, 2 ** 100);
        papers.deal = dealOf(_ana, _bo, 1);
        sign(papers.deal, 0, key(0), 1);
        papers.transfer = signed(key(0), _authorization(Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH, "t"));
        papers.receive_ = signed(key(0), _authorization(Documents.RECEIVE_WITH_AUTHORIZATION_TYPEHASH, "r"));
        papers.cancel = signed(key(0), Documents.cancelAuthorization(_ana, "c"));
        papers.permit = signed(key(0), Documents.permit(_ana, _bo, 7, 0, BEFORE));
        papers.cancelNonces = signed(key(0), Documents.cancelNonces(_ana, 5, BEFORE));
    }

    function _authorization(bytes32 typeHash, bytes32 nonce) private view returns (bytes32) {
        return Documents.authorization(typeHash, _ana, _bo, 1, 0, BEFORE, nonce);
    }

    function _assertDead(Papers memory papers) private {
        listen();
        assertEq(cash.pay(papers.items), 0, "payment");
        assertEq(cash.payWide(papers.wideItems), 0, "wide payment");
        heard(skippedLog(_ana, 0, SkipReason.InvalidSignature), skippedLog(_ana, 2 ** 100, SkipReason.InvalidSignature));
        bytes memory reason = abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, _ana);
        refuse(papers.deal, reason);
        vm.expectRevert(reason);
        cash.transferWithAuthorization(_ana, _bo, 1, 0, BEFORE, "t", papers.transfer);
        vm.prank(_bo);
        vm.expectRevert(reason);
        cash.receiveWithAuthorization(_ana, _bo, 1, 0, BEFORE, "r", papers.receive_);
        vm.expectRevert(reason);
        cash.cancelAuthorization(_ana, "c", papers.cancel);
        vm.expectRevert(reason);
        cash.permit(_ana, _bo, 7, BEFORE, papers.permit);
        vm.expectRevert(reason);
        cash.cancelNonces(_ana, 5, BEFORE, papers.cancelNonces);
    }

    function _assertAlive(Papers memory papers) private {
        assertEq(cash.pay(papers.items), 1, "payment");
        assertEq(cash.payWide(papers.wideItems), 1, "wide payment");
        deliver(papers.deal);
        cash.transferWithAuthorization(_ana, _bo, 1, 0, BEFORE, "t", papers.transfer);
        vm.prank(_bo);
        cash.receiveWithAuthorization(_ana, _bo, 1, 0, BEFORE, "r", papers.receive_);
        cash.cancelAuthorization(_ana, "c", papers.cancel);
        cash.permit(_ana, _bo, 7, BEFORE, papers.permit);
        cash.cancelNonces(_ana, 5, BEFORE, papers.cancelNonces);
        assertEq(cash.balanceOf(_bo), 5, "payee");
    }

    function test_oldSignaturesDieOnAnotherChain() public {
        vm.chainId(1);
        Papers memory papers = _sign();
        vm.chainId(2);
        _assertDead(papers);
        vm.chainId(1);
        _assertAlive(papers);
    }

    function test_newSignaturesLiveOnAForkedChain() public {
        vm.chainId(2);
        _assertAlive(_sign());
    }

    function test_signaturesForOneLedgerDieOnAnother() public {
        Papers memory papers = _sign();
        Cash first = cash;
        cash = newCash();
        vm.prank(ISSUER);
        cash.mint(_ana, 1_000, "for the other ledger");
        _assertDead(papers);
        cash = first;
        _assertAlive(papers);
    }
}
